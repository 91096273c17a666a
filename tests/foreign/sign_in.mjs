// Ends sign-ins with the openid-client library: one JSON question a line, one answer a line.
import { createInterface } from 'node:readline';
import { Issuer } from 'openid-client';

for await (const line of createInterface({ input: process.stdin })) {
  const { issuer, client_id, client_secret, algorithm, callback, redirect_uri, code_verifier, nonce, state } = JSON.parse(line);
  let answer = 'good';
  try {
    const provider = await Issuer.discover(issuer);
    const client = new provider.Client({ client_id, client_secret, id_token_signed_response_alg: algorithm });
    const tokens = await client.callback(redirect_uri, client.callbackParams(callback), { code_verifier, nonce, state });
    if (tokens.claims().at_hash === undefined) answer = 'no at_hash';
  } catch (error) {
    answer = `${error.name} ${error.message}`.replaceAll('\n', ' ');
  }
  process.stdout.write(`${answer}\n`);
}
