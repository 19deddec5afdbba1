"""Signs a few requests with botocore and sends them by its own HTTP session to
the server at argv[1]; prints each status."""
import sys

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

base = sys.argv[1]
credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "SESSIONTOKEN")
for method, path, params, data in [
    ("GET", "/prod/items", {"a": "1", "b": "x y+z/é"}, b""),
    ("POST", "/prod/items/a%20b%2Fc", None, b'{"k":"v"}'),
    ("PUT", "/prod/caf%C3%A9/(x):@!/", [("b", ""), ("a", "2"), ("a", "1")], "ü".encode()),
]:
    request = AWSRequest(method=method, url=base + path, params=params, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(credentials, "execute-api", "us-east-1").add_auth(request)
    print(URLLib3Session().send(request.prepare()).status_code)
