"""Who may read what a worker serves: `/metrics` asks for credentials, the probes for none; over TLS where it is set."""

import asyncio
import ssl
from base64 import b64encode

import pytest
from aiohttp import ClientSession
from yarl import URL

from streams.config.access import MetricsConfig
from streams.errors import ConfigError
from streams.security.http import Credentials
from streams.worker.health import HealthServer, Readiness
from tests.servers import free_port

SAMPLE = b"contact_x 1\n"
TOKEN = "t0ken-t0ken-t0ken-t0ken"


def server(port, **secured):
    ready = Readiness(ready=True)
    return HealthServer("127.0.0.1", port, dead=list, readiness=lambda: ready, metrics=lambda: SAMPLE, **secured)


def statuses(asked, **secured):
    """Status of each request (path, arguments of aiohttp) to a server so secured."""

    async def story():
        port = free_port()
        serving = server(port, **secured)
        await serving.start()
        scheme = "https" if secured.get("certificate") else "http"
        try:
            async with ClientSession() as client:
                found = []
                for path, arguments in asked:
                    async with client.get(f"{scheme}://127.0.0.1:{port}{path}", **arguments) as answer:
                        found.append(answer.status)
                return found
        finally:
            await serving.stop()

    return asyncio.run(story())


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


def test_without_credentials_configured_everybody_may_scrape():
    assert statuses([("/metrics", {}), ("/livez", {}), ("/readyz", {})]) == [200, 200, 200]


def test_with_a_token_only_who_shows_it_may_scrape_and_anybody_may_probe():
    scrapes = [("/metrics", {}), ("/metrics", bearer("other")), ("/metrics", bearer(TOKEN))]
    probes = [("/livez", {}), ("/readyz", {})]

    assert statuses([*scrapes, *probes], credentials=Credentials(token=TOKEN)) == [401, 401, 200, 200, 200]


def test_name_and_password_as_prometheus_sends_them():
    shown = [b64encode(f"prom:{word}".encode()).decode() for word in ("wrong", "right: one")]
    asked = [("/metrics", {"headers": {"Authorization": f"Basic {each}"}}) for each in shown]

    assert statuses(asked, credentials=Credentials(username="prom", password="right: one")) == [401, 200]


@pytest.mark.parametrize("path", ["/metrics/", "//metrics", "/%6Detrics", "/METRICS", "/metrics;x", "/x/../metrics"])
def test_no_other_way_of_writing_the_address_leads_around(path):
    async def story():
        port = free_port()
        serving = server(port, credentials=Credentials(token=TOKEN))
        await serving.start()
        try:
            async with ClientSession() as client:
                answer = await client.get(URL(f"http://127.0.0.1:{port}{path}", encoded=True))
                return answer.status, await answer.text()
        finally:
            await serving.stop()

    status, body = asyncio.run(story())

    assert status in (401, 404)
    assert "contact_x" not in body


def test_over_tls_with_a_certificate(authority):
    pair = authority.server("127.0.0.1")
    trusting = {"ssl": ssl.create_default_context(cafile=authority.ca)}

    assert statuses([("/metrics", trusting)], certificate=(str(pair.cert), str(pair.key))) == [200]


def test_a_certificate_that_cannot_be_used_is_named():
    async def story():
        await server(0, certificate=("/not/there.pem", "/not/there.key")).start()

    with pytest.raises(ConfigError, match=r"metrics.cert_file, metrics.key_file: /not/there.pem"):
        asyncio.run(story())


@pytest.mark.parametrize(
    ("host", "credentials", "said"),
    [
        ("127.0.0.1", Credentials(), None),
        ("0.0.0.0", Credentials(), "open to everybody who reaches 0.0.0.0"),
        ("0.0.0.0", Credentials(token=TOKEN), "takes its credentials unencrypted on 0.0.0.0"),
    ],
)
def test_what_others_on_the_network_may_do_is_said(host, credentials, said, caplog):
    async def story():
        serving = HealthServer(
            host, 0, dead=list, readiness=lambda: Readiness(ready=True), metrics=bytes, credentials=credentials
        )
        await serving.start()
        await serving.stop()

    asyncio.run(story())

    assert (said in caplog.text) if said else not caplog.records
    assert TOKEN not in caplog.text


def test_it_listens_on_this_machine_only_unless_told_otherwise():
    assert MetricsConfig().host == "127.0.0.1"
