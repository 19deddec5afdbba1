// Calls one function of a file as Lambda's Node runtime does. Reads the job from
// standard input; the answer goes to standard output, behind the job's mark.
"use strict";
const fs = require("node:fs");
const { pathToFileURL } = require("node:url");

const began = Date.now();
const job = JSON.parse(fs.readFileSync(0, "utf8"));
// What the function prints must not get into the answer.
process.stdout.write = process.stderr.write.bind(process.stderr);

let answered = false;

function answer(text) {
  if (answered) return;
  answered = true;
  let rest = Buffer.from(job.mark + text, "utf8");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (e) {
      if (e.code !== "EAGAIN") throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  process.exit(0);
}

function fail(type, message, trace) {
  if (message !== "Unauthorized") {
    process.stderr.write((trace.length > 0 ? trace.join("\n") : type + ": " + message) + "\n");
  }
  answer(JSON.stringify({ error: { errorMessage: message, errorType: type, trace } }));
}

// failWith is what Lambda makes of a thrown value, an Error or not.
function failWith(thrown) {
  if (thrown instanceof Error || (thrown && typeof thrown === "object" && "stack" in thrown && "message" in thrown)) {
    fail(String(thrown.name || "Error"), String(thrown.message), String(thrown.stack || "").split("\n").filter(Boolean));
  } else {
    fail(typeof thrown, String(thrown), []);
  }
}

function succeed(value) {
  let text;
  try {
    text = JSON.stringify({ ok: value === undefined ? null : value });
  } catch (e) {
    fail("Runtime.MarshalError", "Unable to marshal response: " + e.message, []);
    return;
  }
  answer(text);
}

function done(error, value) {
  if (error === null || error === undefined) succeed(value);
  else failWith(error);
}

const context = {
  callbackWaitsForEmptyEventLoop: true,
  functionName: job.name,
  functionVersion: "$LATEST",
  memoryLimitInMB: "128",
  invokedFunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:" + job.name,
  awsRequestId: job.request,
  logGroupName: "/aws/lambda/" + job.name,
  logStreamName: "local",
  getRemainingTimeInMillis: () => Math.max(0, began + job.millis - Date.now()),
  done,
  succeed: (value) => done(null, value),
  fail: (error) => done(error === undefined ? null : error),
};

async function load() {
  let module;
  try {
    module = await import(pathToFileURL(job.file).href);
  } catch (e) {
    if (e && (e.code === "ERR_MODULE_NOT_FOUND" || e.code === "MODULE_NOT_FOUND")) {
      fail("Runtime.ImportModuleError", "Error: " + e.message, String(e.stack).split("\n"));
    } else if (e instanceof SyntaxError) {
      fail("Runtime.UserCodeSyntaxError", "SyntaxError: " + e.message, String(e.stack).split("\n"));
    } else {
      failWith(e);
    }
    return undefined;
  }
  const dig = (from) => job.function.split(".").reduce((o, part) => (o === null || o === undefined ? undefined : o[part]), from);
  const found = dig(module) ?? dig(module.default); // module.exports of CommonJS is the default
  if (typeof found !== "function") {
    fail("Runtime.HandlerNotFound", job.name + "." + job.function + " is undefined or not exported", []);
  }
  return found;
}

process.on("uncaughtException", failWith);
process.on("unhandledRejection", (reason) => {
  const e = reason instanceof Error ? reason : new Error(String(reason));
  fail("Runtime.UnhandledPromiseRejection", String(reason), String(e.stack).split("\n"));
});
// A function that neither promised nor called back has answered null.
process.on("beforeExit", () => succeed(null));

load().then((handler) => {
  if (typeof handler !== "function") return;
  let result;
  try {
    result = handler(job.event, context, done);
  } catch (e) {
    failWith(e);
    return;
  }
  if (result && typeof result.then === "function") result.then(succeed, failWith);
});
