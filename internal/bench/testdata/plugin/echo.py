# SPDX-License-Identifier: GPL-3.0-or-later
from errbot import BotPlugin, botcmd


class Echo(BotPlugin):
    """Says what it hears."""

    @botcmd
    def e(self, msg, args):
        """Echo."""
        return args
