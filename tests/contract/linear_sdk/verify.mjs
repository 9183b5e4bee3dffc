// Reads {"secret", "signature", "body"} (the body in base64) from stdin, asks the vendor's verifier,
// and prints {"ok": true} or {"ok": false, "error": "..."}.
import { LinearWebhookClient } from "@linear/sdk/webhooks";

const chunks = [];
for await (const chunk of process.stdin) {
  chunks.push(chunk);
}
const { secret, signature, body } = JSON.parse(Buffer.concat(chunks).toString("utf8"));

let verdict;
try {
  const event = new LinearWebhookClient(secret).parseData(Buffer.from(body, "base64"), signature);
  verdict = { ok: true, type: event.type, action: event.action };
} catch (error) {
  verdict = { ok: false, error: error.message };
}
process.stdout.write(JSON.stringify(verdict));
