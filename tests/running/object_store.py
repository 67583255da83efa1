"""SeaweedFS, a real S3-compatible object store, and a line to it that can be cut."""

import json
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .conftest import wait_for

BUCKET, KEY, SECRET = "agency-files", "a-key", "a-secret"
PORTS = (
    "master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc", "s3.port",
    "s3.port.grpc",
)  # fmt: skip


@dataclass(frozen=True)
class ObjectStore:
    """A bucket in a running store."""

    port: int
    client: Any
    process: subprocess.Popen[bytes]
    directory: Path

    def take(self, keys: dict[str, str]) -> None:
        """From now on these keys, with their secrets, and no others."""
        _write_keys(self.directory, keys)
        self.process.send_signal(signal.SIGHUP)

    def objects(self) -> dict[str, int]:
        """Names and sizes of what is in the bucket; nothing is there in parts."""
        assert not self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
        listed = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {one["Key"]: one["Size"] for one in listed}

    def content(self, name: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=content)

    def clear(self) -> None:
        for name in self.objects():
            self.client.delete_object(Bucket=BUCKET, Key=name)


def settings_for(port: int, key: str = KEY, secret: str = SECRET) -> dict[str, str]:
    """What the environment of a service says whose files are in the bucket."""
    return {
        "S3_BUCKET": BUCKET,
        "S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "S3_REGION": "us-east-1",
        "S3_ACCESS_KEY_ID": key,
        "S3_SECRET_ACCESS_KEY": secret,
    }


def client_of(port: int, key: str = KEY, secret: str = SECRET) -> Any:
    """boto3's, which asks once."""
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
        aws_access_key_id=key, aws_secret_access_key=secret, config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


@contextmanager
def running(directory: Path) -> Iterator[ObjectStore]:
    """A store of its own with an empty bucket. It listens on 127.0.0.1 alone, and tells nobody that it does."""
    _write_keys(directory, {KEY: SECRET})
    (directory / "volumes").mkdir()
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    options = {
        "dir": directory / "volumes", "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "filer": "true", "s3": "true",
        "master.telemetry": "false", "master.volumeSizeLimitMB": 64, "volume.max": 20,
        "filer.localSocket": directory / "filer.sock", "s3.localSocket": directory / "s3.sock",
        "s3.config": directory / "s3.json", "s3.autoCreateBucket": "false", "s3.port.iceberg": 0, "s3.port.lance": 0,
        **ports,
    }  # fmt: skip
    command = [Path(sysconfig.get_path("scripts")) / "weed", "-logtostderr=true", "server"]
    command += [f"-{name}={value}" for name, value in options.items()]
    with (directory / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output)
    try:
        client = client_of(ports["s3.port"])
        wait_for(lambda: _holds_files(client, process))
        yield ObjectStore(ports["s3.port"], client, process, directory)
    finally:
        process.kill()
        process.wait(60)


def _write_keys(directory: Path, keys: dict[str, str]) -> None:
    credentials = [{"accessKey": key, "secretKey": secret} for key, secret in keys.items()]
    identity = {"name": "service", "credentials": credentials, "actions": ["Admin"]}
    (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))


def _holds_files(client: Any, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the store did not start"
    try:
        with suppress(client.exceptions.BucketAlreadyOwnedByYou, client.exceptions.BucketAlreadyExists):
            client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key="first", Body=b"x")
        client.delete_object(Bucket=BUCKET, Key="first")
    except (BotoCoreError, ClientError):
        return False
    return True


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Line:
    """A line to a port of this machine: what comes in here goes out there, as long as nothing is wrong with it."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.cut_after: int | None = None
        """Bytes of a call, after which it is hung up on."""
        self.says: bytes | None = None
        """What every call is told, in place of the answer."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                Thread(target=self._connect, args=[caller], daemon=True).start()

    def _connect(self, caller: socket.socket) -> None:
        with caller, socket.create_connection(("127.0.0.1", self.to)) as store, suppress(OSError):
            Thread(target=self._back, args=[store, caller], daemon=True).start()
            sent = 0
            while data := caller.recv(65_536):
                sent += len(data)
                if self.cut_after is not None and sent > self.cut_after:
                    return
                if self.says is not None:
                    caller.sendall(self.says)
                    return
                store.sendall(data)

    def _back(self, store: socket.socket, caller: socket.socket) -> None:
        with suppress(OSError):
            while data := store.recv(65_536):
                caller.sendall(data)
