// Uses tokens with the openid-client library: one JSON question a line, one JSON answer a line.
import { createInterface } from 'node:readline';
import { Issuer, TokenSet } from 'openid-client';

let client;
let device;

const steps = {
  async client({ issuer, client_id, client_secret, key }) {
    const provider = await Issuer.discover(issuer);
    const method = key ? 'private_key_jwt' : client_secret ? 'client_secret_basic' : 'none';
    const metadata = { client_id, client_secret, token_endpoint_auth_method: method };
    client = new provider.Client(metadata, key && { keys: [key] });
  },
  code: ({ callback, redirect_uri, code_verifier, nonce, state }) =>
    client.callback(redirect_uri, client.callbackParams(callback), { code_verifier, nonce, state }),
  refresh: ({ tokens }) => client.refresh(new TokenSet(tokens)),
  introspect: ({ token, hint }) => client.introspect(token, hint),
  revoke: ({ token, hint }) => client.revoke(token, hint),
  client_credentials: ({ scope, resource }) => client.grant({ grant_type: 'client_credentials', scope, resource }),
  async device({ scope }) {
    device = await client.deviceAuthorization({ scope });
    return { device: device.device_code, user: device.user_code, link: device.verification_uri_complete };
  },
  poll_once: () =>
    client.grant({ grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: device.device_code }),
  poll: () => device.poll(),
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    answer = { good: (await steps[question.step](question)) ?? {} };
  } catch (error) {
    answer = { bad: error.error ?? `${error.name} ${error.message}` };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
