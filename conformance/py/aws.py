"""Runs the AWS CLI at argv[1] for each line of standard input, {"args": […], "env":
{…}}, and answers each with a line {"code": …, "stdout": …, "stderr": …}. Every run is
a process of its own, forked when the modules of the CLI are loaded already: to load
them takes longer than most of what it does. env is added to this program's own."""
import json
import os
import runpy
import sys
import tempfile

import awscli.clidriver

program = sys.argv[1]


def become(args, env, stdout, stderr):
    """Runs the program in this process, and returns its exit code."""
    os.environ.update(env)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(stdout.fileno(), 1)
    os.dup2(stderr.fileno(), 2)
    sys.argv = [program, *args]
    try:
        runpy.run_path(program, run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def run(args, env):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                code = become(args, env, stdout, stderr)
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode())
    return {"code": code, "stdout": texts[0], "stderr": texts[1]}


print("true", flush=True)  # the modules are loaded
for line in sys.stdin:
    print(json.dumps(run(**json.loads(line))), flush=True)
