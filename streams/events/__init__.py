"""The contract with producers: canonical events v1, their decoding and their JSON Schema.

Owns what an event is (`model`), how bytes become events or rejections (`decode`) and the schema for producers
(`schema`). Imports nothing of the project. Start from `model.Event`, `decode.EventDecoder`, `decode.Rejected`.
"""
