"""Checks the reference service's answers against the OpenAPI document: a life of one registration, and every refusal.

Usage: check_openapi.py DOCUMENT URL. Judges: openapi-spec-validator for the document, jsonschema for the answers.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

import jsonschema
from openapi_spec_validator import validate

document = json.load(open(sys.argv[1]))
url = sys.argv[2]
validate(document)
seen = set()


def call(name, data=None, **query):
    address = f"{url}/{name}" + ("?" + urllib.parse.urlencode(query) if query else "")
    method = "get" if data is None else "post"
    request = urllib.request.Request(address, json.dumps(data).encode() if data is not None else None)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            status, body = reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        status, body = error.code, json.load(error)
    declared = document["paths"]["/" + name][method]["responses"]
    assert str(status) in declared, f"{name} answered {status}, which the document does not have"
    schema = {**declared[str(status)]["content"]["application/json"]["schema"], "components": document["components"]}
    jsonschema.Draft202012Validator(schema).validate(body)
    if data is not None and status != 400:
        asked = document["paths"]["/" + name][method]["requestBody"]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator({**asked, "components": document["components"]}).validate(data)
    seen.add((name, str(status)))
    return body


entity = f"openapi-{uuid.uuid4()}"


def handle(row, kind, epoch, version, payload=None):
    at = "2026-01-01T00:00:00Z"
    event = {"id": f"{entity}/{row}", "source": "check", "entity": entity, "kind": kind, "payload": payload or {}, "receivedAt": at, "occurredAt": at}
    return call("handle", {"entity": entity, "epoch": epoch, "version": version, "row": row, "attempt": 1, "event": event})


call("machine")
call("view", entity=entity)
call("view")
call("release", {"entity": entity, "epoch": 2, "version": 0})
call("release", {})
call("take", {"entity": entity, "epoch": 3, "state": "NOWHERE", "record": {}})
call("take", [])
call("handle", {"entity": entity})
handle(1, "registration.submit", 1, 0, {"name": "Example Ltd"})
handle(2, "brand.approved", 1, 0)
for row, word in enumerate(["brand", "identity", "score", "usecase"], 3):
    view = handle(row, f"{word}.approved", 1, row - 2)["view"]
call("release", {"entity": entity, "epoch": 2, "version": 1})
call("release", {"entity": entity, "epoch": 2, "version": view["version"]})
handle(20, "brand.approved", 1, view["version"])
call("take", {"entity": entity, "epoch": 3, "state": view["state"], "record": view["record"]})
call("take", {"entity": entity, "epoch": 2, "state": view["state"], "record": view["record"]})
handle(21, "lockstep.continue", 3, view["version"] + 1)
call("changes")
call("changes", after="0", limit="2")
call("changes", after="x")
call("view", entity=entity, after="0")
declared = {(path[1:], status) for path, methods in document["paths"].items() for method in methods.values() for status in method["responses"]}
assert seen == declared, f"answers of the document that were not seen: {sorted(declared - seen)}"
print(f"{len(seen)} kinds of answers, each in its form")
