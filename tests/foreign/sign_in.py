"""Ends sign-ins with Authlib: one JSON question a line, one answer a line."""

import json
import sys

from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet


def sign_in(asked):
    session = OAuth2Session(
        asked["client_id"],
        asked["client_secret"],
        redirect_uri=asked["redirect_uri"],
        state=asked["state"],
    )
    session.trust_env = False
    found = session.get(f"{asked['issuer']}/.well-known/openid-configuration", withhold_token=True).json()
    keys = KeySet.import_key_set(session.get(found["jwks_uri"], withhold_token=True).json())
    tokens = session.fetch_token(
        found["token_endpoint"],
        authorization_response=asked["callback"],
        code_verifier=asked["code_verifier"],
    )
    read = jwt.decode(tokens["id_token"], keys, algorithms=[asked["algorithm"]])
    expected = {"iss": {"values": [asked["issuer"]]}, "aud": {"values": [asked["client_id"]]}}
    known = {
        "nonce": asked["nonce"],
        "client_id": asked["client_id"],
        "access_token": tokens["access_token"],
    }
    claims = CodeIDToken(read.claims, read.header, expected, known)
    claims.validate(leeway=60)
    return "good" if "at_hash" in claims else "no at_hash"


for line in sys.stdin:
    try:
        answer = sign_in(json.loads(line))
    except Exception as error:
        answer = f"{type(error).__name__} {error}".replace("\n", " ")
    print(answer, flush=True)
