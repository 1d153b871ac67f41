// An OpenID provider whose users log in with their names: oidc-provider, which is certified.
// PORT, and in JSON the USERS (claims by name) and CLIENTS.
import { Provider } from "oidc-provider";

const port = Number(process.env.PORT);
const issuer = `http://127.0.0.1:${port}`;
const users = JSON.parse(process.env.USERS);
const provider = new Provider(issuer, {
  clients: JSON.parse(process.env.CLIENTS),
  pkce: { required: () => true },
  claims: { openid: ["sub"], email: ["email", "email_verified"], groups: ["groups"] },
  conformIdTokenClaims: false, // claims are in the ID token, as Keycloak and Dex send them
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/log-in/${interaction.uid}` },
  findAccount: (_, id) =>
    users[id] && { accountId: id, claims: () => ({ sub: id, ...users[id] }) },
  // Users consent by logging in.
  loadExistingGrant: async (context) => {
    const { client, session, provider: own } = context.oidc;
    const grant = new own.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope("openid email groups profile");
    await grant.save();
    return grant;
  },
});

provider.use(async (context, next) => {
  if (!context.path.startsWith("/log-in/")) return next();
  const login = { accountId: context.query.user };
  const done = users[login.accountId] ? { login } : { error: "access_denied" };
  context.redirect(await provider.interactionResult(context.req, context.res, done));
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
