# Managed by Ansible: role llmfleet.gateway.vllm.
"""How many tokens this vLLM reads and writes in a second, each alone: vLLM's own benchmark, run in its container.

    measure.py URL SERVED_NAME MODEL CONCURRENCY INPUT OUTPUT REQUESTS

URL is the server's, without /v1; MODEL is what the tokenizer is of; CONCURRENCY requests run at once, REQUESTS in all.
Reading is measured by prompts of INPUT tokens that ask for one token, writing by prompts of 16 that ask for OUTPUT.
Read from standard input in the container, which has the key in a file. Prints JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

SECRETS = "/run/llmfleet/secrets/environment.json"
#: Tokens of a prompt whose reading is nothing beside the writing of the answer.
SHORT = 16


def key():
    with open(SECRETS, encoding="utf-8") as handle:
        return json.load(handle)["VLLM_API_KEY"]


def benchmark(url, name, model, concurrency, read, written, requests):
    """The result of one run of vllm bench serve."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["vllm", "bench", "serve", "--backend", "openai", "--endpoint", "/v1/completions", "--base-url", url]
        command += ["--model", model, "--served-model-name", name, "--dataset-name", "random", "--ignore-eos"]
        command += ["--random-input-len", str(read), "--random-output-len", str(written)]
        # Prompts that were asked before would be read from the prefix cache.
        command += ["--seed", str(time.time_ns() % 2**31), "--num-prompts", str(requests)]
        command += ["--max-concurrency", str(concurrency), "--disable-tqdm", "--save-result"]
        command += ["--result-dir", folder, "--result-filename", "result.json"]
        # In the environment, which only its owner reads, not among the arguments.
        environment = {**os.environ, "OPENAI_API_KEY": key()}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            sys.exit("vllm bench serve failed:\n" + (done.stderr or done.stdout)[-2000:])
        with open(os.path.join(folder, "result.json"), encoding="utf-8") as handle:
            return json.load(handle)


def speed(result, tokens, requests):
    if result["completed"] != requests:
        sys.exit(f"only {result['completed']} of {requests} requests were answered; look at the log of vLLM")
    return round(result[tokens] / result["duration"], 2)


def main(arguments):
    url, name, model = arguments[:3]
    concurrency, read, written, requests = map(int, arguments[3:])
    reading = benchmark(url, name, model, concurrency, read, 1, requests)
    writing = benchmark(url, name, model, concurrency, SHORT, written, requests)
    found = {
        "input": speed(reading, "total_input_tokens", requests),
        "output": speed(writing, "total_output_tokens", requests),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
