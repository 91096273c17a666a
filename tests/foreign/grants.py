"""Uses tokens with Authlib: one JSON question a line, one JSON answer a line."""

import json
import sys
import time

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


class Client:
    def __init__(self, issuer, client_id, client_secret=None, key=None):
        method = "private_key_jwt" if key else None
        self.session = OAuth2Session(
            client_id,
            ECKey.import_key(key) if key else client_secret,
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
        )
        self.session.trust_env = False
        if key:
            # What the library calls the token endpoint is the audience; it is the provider's issuer.
            auth = PrivateKeyJWT(token_endpoint=issuer, headers={"kid": key["kid"]}, alg="ES256")
            self.session.register_client_auth_method(auth)
        self.found = self.read(f"{issuer}/.well-known/openid-configuration")
        self.keys = KeySet.import_key_set(self.read(self.found["jwks_uri"]))

    def read(self, url):
        return self.session.get(url, withhold_token=True).json()

    def check(self, tokens, sub=None, **known):
        read = jwt.decode(tokens["id_token"], self.keys, algorithms=["RS256"])
        expected = {
            "iss": {"essential": True, "value": self.found["issuer"]},
            "aud": {"essential": True, "value": self.session.client_id},
            "sub": {"essential": True, "value": sub},
        }
        known |= {"client_id": self.session.client_id, "access_token": tokens["access_token"]}
        claims = CodeIDToken(read.claims, read.header, expected, known)
        claims.validate(leeway=60)
        return claims["sub"]

    def code(self, callback, redirect_uri, code_verifier, nonce, state):
        tokens = self.session.fetch_token(
            self.found["token_endpoint"],
            authorization_response=callback,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier,
            state=state,
        )
        self.check(tokens, nonce=nonce)
        return tokens

    def refresh(self, tokens):
        refreshed = self.session.refresh_token(self.found["token_endpoint"], tokens["refresh_token"])
        self.check(refreshed, self.check(tokens))
        return refreshed

    def introspect(self, token, hint):
        answer = self.session.introspect_token(self.found["introspection_endpoint"], token, hint)
        return answer.json()

    def revoke(self, token, hint):
        answer = self.session.revoke_token(self.found["revocation_endpoint"], token, hint)
        answer.raise_for_status()

    def client_credentials(self, scope, resource):
        return self.session.fetch_token(
            self.found["token_endpoint"],
            grant_type="client_credentials",
            scope=scope,
            resource=resource,
        )

    def device(self, scope):
        # The library has no word for this request, so an application sends it by hand.
        asked = {"client_id": self.session.client_id, "scope": scope}
        answer = self.session.post(
            self.found["device_authorization_endpoint"], data=asked, withhold_token=True
        )
        self.codes = answer.json()
        codes = {"device": "device_code", "user": "user_code", "link": "verification_uri_complete"}
        return {name: self.codes[member] for name, member in codes.items()}

    def poll_once(self):
        return self.session.fetch_token(
            self.found["token_endpoint"], grant_type=DEVICE, device_code=self.codes["device_code"]
        )

    def poll(self):
        time.sleep(self.codes["interval"])
        tokens = self.poll_once()
        self.check(tokens)
        return tokens


client = None
for line in sys.stdin:
    question = json.loads(line)
    step = question.pop("step")
    try:
        if step == "client":
            client, good = Client(**question), None
        else:
            good = getattr(client, step)(**question)
        answer = {"good": good or {}}
    except Exception as error:
        answer = {"bad": getattr(error, "error", None) or f"{type(error).__name__} {error}"}
    print(json.dumps(answer), flush=True)
