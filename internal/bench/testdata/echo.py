# SPDX-License-Identifier: GPL-3.0-or-later
"""An echo bot on slixmpp, as small as its examples: echo.py JID PASSWORD HOST PORT CAFILE"""
import sys

import slixmpp


class Echo(slixmpp.ClientXMPP):
    def __init__(self, jid, password):
        super().__init__(jid, password)
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("message", self.message)
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")

    async def start(self, _):
        self.send_presence()
        await self.get_roster()

    def message(self, msg):
        if msg["type"] in ("chat", "normal") and msg["body"]:
            msg.reply(msg["body"]).send()


jid, password, host, port, ca = sys.argv[1:]
bot = Echo(jid, password)
bot.ca_certs = ca
bot.connect((host, int(port)), disable_starttls=False)
bot.process(forever=True)
