// SPDX-License-Identifier: GPL-3.0-or-later

package prosodytest

// configText is a whole prosody.cfg.lua. Beside what a household server has, it
// needs three lines to run as anybody: run_as_root matters for root only, and
// without prosody_user prosodyctl as root would become the user "prosody". The
// module "limits" is off, because Debian's default of 10 kB/s would make tests
// that send much wait for minutes.
const configText = `
run_as_root = true
prosody_user = "{USER}"; prosody_group = "{GROUP}"
pidfile = "{DIR}/prosody.pid"
data_path = "{DIR}/data"
log = { info = "*console" }
interfaces = { "127.0.0.1" }; local_interfaces = { "127.0.0.1" }
c2s_ports = { {C2S} }
c2s_direct_tls_ports = { {TLS} }
s2s_ports = {}
http_ports = { {HTTP} }; http_interfaces = { "127.0.0.1" }
https_ports = { {WEBPORT} }; https_interfaces = { "127.0.0.1" }
https_ssl = { key = "{DIR}/pki/server.key"; certificate = "{DIR}/pki/server.crt" }
http_default_host = "{DOMAIN}"
consider_bosh_secure = true
consider_websocket_secure = true
component_ports = {}

modules_enabled = {
  "disco"; "roster"; "saslauth"; "tls"; "blocklist"; "bookmarks"; "carbons"; "pep"; "private";
  "smacks"; "vcard4"; "vcard_legacy"; "csi_simple"; "ping"; "time"; "uptime"; "version"; "mam";
  "offline"; "groups"; "posix"; "http"; "bosh"; "websocket";
}
modules_disabled = { "s2s"; "limits" }
allow_registration = false
c2s_require_encryption = true
authentication = "internal_hashed"
password_hash = "SHA-256"
default_storage = "internal"
storage = { archive = "memory"; muc_log = "memory" }
archive_expires_after = "1d"
default_archive_policy = true
smacks_hibernation_time = 60
c2s_timeout = 30
certificates = "{DIR}/pki"
ssl = { key = "{DIR}/pki/server.key"; certificate = "{DIR}/pki/server.crt" }
groups_file = "{DIR}/groups.txt"

VirtualHost "{DOMAIN}"

Component "rooms.{DOMAIN}" "muc"
  modules_enabled = { "muc_mam" }
  restrict_room_creation = false
  muc_room_default_persistent = true

Component "upload.{DOMAIN}" "http_file_share"
  http_host = "localhost"
  http_external_url = "{WEB}"
  http_file_share_size_limit = 10*1024*1024
  http_file_share_access = { "{DOMAIN}" }
`
