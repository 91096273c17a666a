"""Checks tokens with PyJWT: one JSON question a line, one answer a line."""

import json
import sys

import jwt

sets = {}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        keys = sets.setdefault(asked["jwks"], jwt.PyJWKSet.from_json(asked["jwks"]))
        key = keys[jwt.get_unverified_header(asked["token"])["kid"]]
        # The library has no other clock than the machine's, so the times are compared here.
        claims = jwt.decode(
            asked["token"],
            key,
            algorithms=asked["algorithms"],
            issuer=asked["issuer"],
            audience=asked["audience"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        answer = "good" if claims["iat"] - 60 <= asked["now"] < claims["exp"] + 60 else "not now"
    except Exception as error:
        answer = f"{type(error).__name__} {error}".replace("\n", " ")
    print(answer, flush=True)
