// Verdicts of aws-jwt-verify, AWS's own library: node jwt-verify.mjs RUN.json. The
// file holds the keys and, for each policy, its properties and its tokens. One line
// for each token is printed: "ok", or the name of the error.
import { readFileSync } from "node:fs";
import { CognitoJwtVerifier } from "aws-jwt-verify";

const { keys, userPoolId, policies } = JSON.parse(readFileSync(process.argv[2], "utf8"));
let out = "";
for (const { properties, tokens } of policies) {
  const verifier = CognitoJwtVerifier.create({ userPoolId, tokenUse: null, ...properties });
  verifier.cacheJwks(keys);
  for (const token of tokens) {
    try {
      verifier.verifySync(token);
      out += "ok\n";
    } catch (err) {
      out += `${err.constructor.name}\n`;
    }
  }
}
process.stdout.write(out);
