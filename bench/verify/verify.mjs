// Verifies the tokens on standard input, one a line, with aws-jwt-verify: node
// verify.mjs KEYS ISSUER CLIENT. It prints one line of JSON for each, as cogctl does.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../conformance/js/package.json", import.meta.url));
const { CognitoJwtVerifier } = require("aws-jwt-verify");

const [keys, issuer, clientId] = process.argv.slice(2);
const verifier = CognitoJwtVerifier.create({ userPoolId: issuer.split("/").at(-1), clientId, tokenUse: "access" });
verifier.cacheJwks(JSON.parse(readFileSync(keys, "utf8")));

const lines = readFileSync(0, "utf8").split("\n");
if (lines.at(-1) === "") lines.pop();
let out = "";
lines.forEach((line, i) => {
  let valid = true;
  try {
    verifier.verifySync(line);
  } catch {
    valid = false;
  }
  out += `{"line":${i + 1},"valid":${valid}}\n`;
});
process.stdout.write(out);
