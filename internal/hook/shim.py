# Calls one function of a file as Lambda's Python runtime does. Reads the job from
# standard input; the answer goes to standard output, behind the job's mark.
import importlib.util
import json
import os
import sys
import time
import traceback


class Failed(Exception):
    def __init__(self, kind, message, trace=()):
        super().__init__(message)
        self.kind, self.message, self.trace = kind, message, list(trace)


class Context:
    """What a Lambda function gets as its second argument."""

    def __init__(self, job, began):
        self.function_name = job["name"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = "128"
        self.invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:" + job["name"]
        self.aws_request_id = job["request"]
        self.log_group_name = "/aws/lambda/" + job["name"]
        self.log_stream_name = "local"
        self.identity = None
        self.client_context = None
        self._until = began + job["millis"] / 1000

    def get_remaining_time_in_millis(self):
        return max(0, int((self._until - time.monotonic()) * 1000))


def of(error):
    """The failure that Lambda makes of an exception."""
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return Failed(type(error).__name__, str(error), "".join(lines).splitlines())


def load(job):
    name = job["name"]
    sys.path.insert(0, os.path.dirname(job["file"]))
    try:
        spec = importlib.util.spec_from_file_location(name, job["file"])
        if spec is None:
            raise Failed("Runtime.ImportModuleError", "Unable to import module '%s': the file is no Python file" % name)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except ImportError as e:
        raise Failed("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (name, e), of(e).trace)
    except SyntaxError as e:
        raise Failed("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (name, e), of(e).trace)
    found = module
    for part in job["function"].split("."):
        found = getattr(found, part, None)
        if found is None:
            raise Failed("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (job["function"], name))
    return found


def call(job, began):
    try:
        result = load(job)(job["event"], Context(job, began))
    except Failed:
        raise
    except SystemExit as e:
        raise Failed("Runtime.ExitError", "Runtime exited with exit status: %s" % e.code)
    except BaseException as e:
        raise of(e)
    try:
        return json.dumps({"ok": result})
    except Exception as e:
        raise Failed("Runtime.MarshalError", "Unable to marshal response: %s" % e)


def main():
    began = time.monotonic()
    job = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    # What the function prints must not get into the answer.
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        text = call(job, began)
    except Failed as e:
        text = json.dumps({"error": {"errorMessage": e.message, "errorType": e.kind, "trace": e.trace}})
        if e.message != "Unauthorized":
            print("\n".join(e.trace) or "%s: %s" % (e.kind, e.message), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    answer.write((job["mark"] + text).encode("utf-8"))
    answer.flush()
    os._exit(0)  # threads that the function left are not waited for


main()
