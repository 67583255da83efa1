// Reads cases from standard input, [{secret, headers, body}], and answers for each and each verifier whether it accepts.
import { text } from "node:stream/consumers";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";

const accepts = (Verifier, { secret, headers, body }) => {
  try {
    new Verifier(secret).verify(body, headers);
    return true;
  } catch (refusal) {
    if (refusal.name === "WebhookVerificationError") return false;
    throw refusal;
  }
};

const cases = JSON.parse(await text(process.stdin));
const verdicts = cases.map((one) => ({ standardwebhooks: accepts(Standard, one), svix: accepts(Svix, one) }));
process.stdout.write(JSON.stringify(verdicts));
