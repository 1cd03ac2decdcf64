"""A process that is told what to do by lines of its standard input and answers each with a line of JSON."""
import json
import subprocess
import tempfile


class Told:
    def __init__(self, label, command, **popen):
        self.label = label
        self.said = tempfile.TemporaryFile("w+")  # a pipe would fill up: some engines warn of every node
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said,
                                        text=True, **popen)

    def tell(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self):
        line = self.process.stdout.readline()
        if not line:
            self.said.seek(0)
            lines = self.said.read().strip().splitlines()
            raise RuntimeError(f"{self.label}: {lines[-1] if lines else 'ended without a word'}")
        return json.loads(line)

    def ask(self, *words):
        self.tell(*words)
        return self.hear()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.said.close()
