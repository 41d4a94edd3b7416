// SPDX-License-Identifier: GPL-3.0-or-later

package bot

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"mellium.im/xmpp/jid"
)

func parseJID(s string) (jid.JID, error) { return jid.Parse(s) }

// tlsConfig verifies the server's certificate for the JID's domain, always.
func tlsConfig(cfg Config) (*tls.Config, error) {
	own, err := parseJID(cfg.JID)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{ServerName: own.Domainpart(), MinVersion: tls.VersionTLS12}
	if cfg.CAFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errCAFile, err)
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%w: no certificate in it", errCAFile)
	}
	return c, nil
}
