"""scram - the client's side of SCRAM-SHA-256 and -PLUS (RFC 5802 3, RFC 7677), for tests

    client = ScramClient("alice", "secret", "p=tls-exporter,,", binding)
    send(client.first()); send(client.final(challenge)); client.is_proof(answer)
"""
import base64
import hashlib
import hmac
import secrets


class ScramClient:
    def __init__(self, login, password, header="n,,", binding=b""):
        self.password, self.header, self.binding = password, header, binding
        name = login.replace("=", "=3D").replace(",", "=2C")
        self.nonce = base64.b64encode(secrets.token_bytes(12)).decode()
        self.bare = f"n={name},r={self.nonce}"
        self.salted = self.message = b""

    def first(self):
        return self.header + self.bare

    def final(self, challenge):
        attributes = dict(part.split("=", 1) for part in challenge.split(","))
        if not attributes["r"].startswith(self.nonce) or len(attributes["r"]) < 40:
            raise AssertionError(f"nonce {attributes['r']}")
        self.salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), base64.b64decode(attributes["s"]), int(attributes["i"]))
        client_key = hmac.digest(self.salted, b"Client Key", "sha256")
        without_proof = f"c={base64.b64encode(self.header.encode() + self.binding).decode()},r={attributes['r']}"
        self.message = ",".join((self.bare, challenge, without_proof)).encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), self.message, "sha256")
        return without_proof + ",p=" + base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()

    def is_proof(self, answer):
        """The server knows the password's keys."""
        return answer == "v=" + base64.b64encode(hmac.digest(hmac.digest(self.salted, b"Server Key", "sha256"), self.message, "sha256")).decode()
