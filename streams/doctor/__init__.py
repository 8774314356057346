"""What `contact-streams doctor` looks at: can a worker with this configuration reach what it needs, and what is wrong?

Owns the examination and its findings. Looks only, and changes nothing but one Redis key that expires at once. Start
from `examination.examine`.
"""
