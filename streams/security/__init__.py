"""Getting in: what the clients of Kafka and Redis show, and what those who ask over HTTP must show.

Owns TLS contexts (`tls`), the way into Kafka (`kafka.Login`) and who may read over HTTP (`http.Credentials`). Knows no
configuration file; imports `errors` alone. No secret is in the `repr` of anything here.
"""
