// Signs requests with aws4: one JSON object a line in, one out, as py/sign.py has
// them. The Host is taken from the URL by node, as its https module does.
import { createInterface } from "node:readline";
import aws4 from "aws4";

function sign(asked) {
  const url = new URL(asked.url);
  const headers = { Host: url.host, "X-Amz-Date": asked.date };
  for (const [name, value] of asked.headers) {
    headers[name] = name in headers ? [headers[name], value].flat() : value;
  }
  const request = {
    method: asked.method, path: asked.url.slice(asked.url.indexOf("/", "https://".length)),
    service: asked.service, region: "us-east-1", headers, body: asked.body,
  };
  const signer = new aws4.RequestSigner(request, {
    accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sessionToken: asked.token || undefined,
  });
  const signed = signer.sign();
  return { authorization: signed.headers.Authorization, canonical: signer.canonicalString() };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = sign(JSON.parse(line));
  } catch (e) {
    answer = { error: String(e) };
  }
  console.log(JSON.stringify(answer));
}
