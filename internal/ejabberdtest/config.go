// SPDX-License-Identifier: GPL-3.0-or-later

package ejabberdtest

// configText is a whole ejabberd.yml: what a household server has, without the
// limits on speed that would make tests wait, and with its HTTP API, by which
// accounts and rosters are made, open to this machine.
const configText = `
hosts: ["{DOMAIN}"]
loglevel: notice
log_rotate_count: 0
certfiles: ["{DIR}/pki/server.pem"]
ca_file: "{DIR}/pki/ca.crt"
auth_method: sql
auth_password_format: scram
auth_scram_hash: sha256
disable_sasl_mechanisms: ["digest-md5", "X-OAUTH2"]
default_db: sql
sql_type: sqlite
sql_database: "{DIR}/data/ejabberd.db"
listen:
  - {port: {C2S}, ip: "127.0.0.1", module: ejabberd_c2s, starttls_required: true, max_stanza_size: 262144, shaper: none, access: all}
  - {port: {TLS}, ip: "127.0.0.1", module: ejabberd_c2s, tls: true, max_stanza_size: 262144, shaper: none, access: all}
  - port: {WEBPORT}
    ip: "127.0.0.1"
    module: ejabberd_http
    tls: true
    request_handlers: {/upload: mod_http_upload}
  - port: {HTTP}
    ip: "127.0.0.1"
    module: ejabberd_http
    request_handlers: {/api: mod_http_api, /ws: ejabberd_http_ws, /bosh: mod_bosh}
api_permissions:
  tests: {who: {ip: "127.0.0.1/8"}, what: "*"}
acl:
  local: {user_regexp: ""}
access_rules:
  local: {allow: local}
shaper_rules: {max_user_sessions: 20, max_user_offline_messages: 5000}
modules:
  mod_adhoc: {}
  mod_admin_extra: {}
  mod_blocking: {}
  mod_bosh: {}
  mod_caps: {}
  mod_carboncopy: {}
  mod_client_state: {}
  mod_disco: {}
  mod_http_api: {}
  mod_http_upload: {host: "upload.@HOST@", put_url: "{WEB}upload", docroot: "{DIR}/upload", max_size: 10485760}
  mod_last: {}
  mod_mam: {default: always}
  mod_muc: {host: "rooms.@HOST@", access: all, access_create: all, access_persistent: all, default_room_options: {mam: true, persistent: true}}
  mod_muc_admin: {}
  mod_offline: {}
  mod_privacy: {}
  mod_private: {}
  mod_pubsub: {plugins: [flat, pep], force_node_config: {"storage:bookmarks": {access_model: whitelist}}}
  mod_roster: {versioning: true}
  mod_stream_mgmt: {resend_on_timeout: if_offline, resume_timeout: 60}
  mod_time: {}
  mod_vcard: {}
  mod_version: {}
`
