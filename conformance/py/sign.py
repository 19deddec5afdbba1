"""Signs requests with botocore: one JSON object a line in, one out.

In: method, url (raw, as on the wire), headers ([[name, value], ...]), body,
token, service, date (YYYYMMDDTHHMMSSZ), params (whether the query is handed over
as parameters, or left in the URL). Out: authorization, canonical, or error.
"""
import datetime
import json
import sys
from urllib.parse import parse_qsl

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNERS = {"s3": botocore.auth.S3SigV4Auth}


class Clock:
    """Stands in for the module's datetime: utcnow is the time of the request."""

    now = None

    def __init__(self):
        self.datetime = self

    def utcnow(self):
        return self.now

    def strptime(self, *args):
        return datetime.datetime.strptime(*args)


def sign(asked):
    clock.now = datetime.datetime.strptime(asked["date"], "%Y%m%dT%H%M%SZ")
    url, params = asked["url"], None
    if asked["params"]:
        url, _, query = url.partition("?")
        params = parse_qsl(query, keep_blank_values=True)
    request = AWSRequest(method=asked["method"], url=url, params=params, data=asked["body"].encode())
    for name, value in asked["headers"]:
        request.headers.add_header(name, value)
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", asked["token"] or None)
    signer = SIGNERS.get(asked["service"], botocore.auth.SigV4Auth)(credentials, asked["service"], "us-east-1")
    signer.add_auth(request)
    authorization = request.headers["Authorization"]
    del request.headers["Authorization"]
    return {"authorization": authorization, "canonical": signer.canonical_request(request)}


clock = Clock()
botocore.auth.datetime = clock
for line in sys.stdin:
    try:
        answer = sign(json.loads(line))
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer))
