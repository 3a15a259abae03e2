# A mail server for tests: keeps what it takes as files, and refuses whom it is told to by their name.
# Arguments: port, folder, and as JSON: cert, key, tls (implicit or start-tls), user, password.

import asyncio
import json
import os
import ssl
import sys
import time

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

PORT, FOLDER, OPTIONS = int(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
REPLIES = {
    "nobody": "550 5.1.1 no such mailbox",
    "full": "552 5.2.2 mailbox full",
    "relay": "550 5.7.1 relaying denied",
    "grey": "451 4.7.1 come back later",
    "leaving": "421 4.3.2 shutting down",
}


class Keeper:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        local = address.split("@")[0]
        if local in REPLIES and not os.path.exists(os.path.join(FOLDER, "lenient")):
            return REPLIES[local]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        Keeper.count += 1
        mail = {
            "order": time.time_ns(),
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "tls": session.ssl is not None or OPTIONS.get("tls") == "implicit",
            "login": session.auth_data.login.decode() if session.authenticated else None,
            "content": envelope.content.decode("utf-8", "surrogateescape"),
        }
        path = os.path.join(FOLDER, f"{os.getpid()}-{Keeper.count:06}")
        with open(f"{path}.part", "w") as file:
            json.dump(mail, file)
        os.rename(f"{path}.part", f"{path}.json")
        # Taken, and nobody is told.
        if os.path.exists(os.path.join(FOLDER, "mute")):
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"


def judge(server, session, envelope, mechanism, data):
    if not isinstance(data, LoginPassword):
        return AuthResult(success=False, handled=False)
    given = (data.login.decode(), data.password.decode())
    return AuthResult(
        success=given == (OPTIONS["user"], OPTIONS["password"]), handled=False, auth_data=data
    )


async def main():
    options = {"ident": "test mail server", "hostname": "mail.test", "enable_SMTPUTF8": False}
    implicit = None
    if "cert" in OPTIONS:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(OPTIONS["cert"], OPTIONS["key"])
        if OPTIONS["tls"] == "implicit":
            implicit = context
        else:
            options["tls_context"] = context
    if "user" in OPTIONS:
        options.update(authenticator=judge, auth_required=True, auth_require_tls=False)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Keeper(), **options), "127.0.0.1", PORT, ssl=implicit
    )
    async with server:
        await server.serve_forever()


asyncio.run(main())
