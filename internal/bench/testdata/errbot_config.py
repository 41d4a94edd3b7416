# SPDX-License-Identifier: GPL-3.0-or-later
"""errbot with one plugin and nothing that it does not need."""
import logging
import os

BACKEND = "XMPP"
STORAGE = "Memory"
BOT_IDENTITY = {
    "username": os.environ["BENCH_JID"],
    "password": os.environ["BENCH_PASSWORD"],
    "server": (os.environ["BENCH_HOST"], int(os.environ["BENCH_PORT"])),
}
XMPP_CA_CERT_FILE = os.environ["BENCH_CA"]
BOT_DATA_DIR = os.environ["BENCH_DIR"]
BOT_EXTRA_PLUGIN_DIR = os.environ["BENCH_PLUGINS"]
CORE_PLUGINS = ()
BOT_ADMINS = (os.environ["BENCH_ADMIN"],)
BOT_PREFIX = "!"
BOT_ASYNC = False  # with True most replies do not leave: errbot issues 1516, 1598, 1757
BOT_LOG_FILE = None
BOT_LOG_LEVEL = logging.ERROR
BOT_LOG_SENTRY = False
