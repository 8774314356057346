// How many tiles stand beside each other, and how large: all of them on one page as long as they can be read.
//
// Everything is in the unit of a tile: one tile is WIDE × HIGH of it. What stands large on a tile is 3.6 units.

export const WIDE = 24;
export const HIGH = 12.6;
const WHOLE_HIGH = 10;
const LARGEST = 2.6; // times the root's font size

/**
 * {columns, rows, unit, wholeColumns, perPage, pages} for `count` tiles and `wholes` cards above them, on width × height px.
 * `rem` px is the smallest unit that can be read; `gap` px lies between tiles; `most` tiles on a page, 0: any number.
 */
export function fit({ count, wholes, width, height, rem, gap, most = 0 }) {
  const room = (size, n) => (size - gap * (n - 1)) / n;
  const widest = Math.max(1, Math.floor((width + gap) / (WIDE * rem + gap)));
  const wholeColumns = Math.min(wholes, Math.max(1, widest), Math.ceil(wholes / Math.ceil(wholes / widest)));
  const wholeRows = wholes ? Math.ceil(wholes / wholeColumns) : 0;
  const wanted = most ? Math.min(count, most) : count;
  const forUnit = (unit) => height - wholeRows * (WHOLE_HIGH * unit + gap);
  const at = (columns, rows) => {
    const across = room(width, columns) / WIDE;
    const down = (height - wholeRows * gap - gap * (rows - 1)) / (rows * HIGH + wholeRows * WHOLE_HIGH);
    return Math.min(across, down, LARGEST * rem, wholes ? room(width, wholeColumns) / WIDE : Infinity);
  };
  let best = null;
  for (let columns = 1; columns <= Math.max(1, Math.min(widest, wanted)); columns += 1) {
    const rows = Math.max(1, Math.ceil(wanted / columns));
    const unit = at(columns, rows);
    if (!best || unit > best.unit) best = { columns, rows, unit };
  }
  if (best.unit < rem) {
    const rows = Math.max(1, Math.floor((forUnit(rem) + gap) / (HIGH * rem + gap)));
    best = { columns: widest, rows, unit: Math.max(at(widest, rows), rem * 0.8) };
  }
  const perPage = Math.max(1, Math.min(best.columns * best.rows, most || Infinity));
  return { ...best, wholeColumns, perPage, pages: Math.max(1, Math.ceil(count / perPage)) };
}
