// Checks tokens with the jose library: one JSON question a line, one answer a line.
import { createInterface } from 'node:readline';
import { createLocalJWKSet, jwtVerify } from 'jose';

const sets = new Map();

for await (const line of createInterface({ input: process.stdin })) {
  const { jwks, token, issuer, audience, algorithms, now } = JSON.parse(line);
  if (!sets.has(jwks)) sets.set(jwks, createLocalJWKSet(JSON.parse(jwks)));
  const options = { issuer, audience, algorithms, currentDate: new Date(now * 1000), clockTolerance: 60 };
  const answer = await jwtVerify(token, sets.get(jwks), options).then(() => 'good', (error) => `${error.code} ${error.message}`);
  process.stdout.write(`${answer}\n`);
}
