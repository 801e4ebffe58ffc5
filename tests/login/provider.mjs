// A real OpenID Connect provider on loopback: `node provider.mjs PORT BACK` knows one client, whose address is BACK.
// Whoever signs in is who they say; addresses of unverified.example are not verified. TOKEN=full puts the address
// into the ID token, else it is told to whoever asks with the access token.
import Provider from "oidc-provider";

const [port, back] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "understudy", client_secret: "of the test alone", redirect_uris: [back] }],
  claims: { openid: ["sub"], email: ["email", "email_verified"] },
  conformIdTokenClaims: process.env.TOKEN !== "full",
  pkce: { required: () => true, methods: ["S256"] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.endsWith("@unverified.example") }),
  }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
