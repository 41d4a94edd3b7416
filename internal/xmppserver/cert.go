// SPDX-License-Identifier: GPL-3.0-or-later

package xmppserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// certificate is the self-signed certificate of the server.
type certificate struct {
	pair tls.Certificate
	leaf *x509.Certificate
	file string // "" when it is in memory only
}

// Fingerprint returns the SHA-256 of the certificate as clients show it.
func (s *Server) Fingerprint() string {
	sum := sha256.Sum256(s.cert.leaf.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// Roots returns a pool with the certificate alone, for clients of our own.
func (s *Server) Roots() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(s.cert.leaf)
	return p
}

// CertFile returns the path of the certificate, "" when there was no CertDir.
func (s *Server) CertFile() string { return s.cert.file }

// loadCertificate returns what dir holds, or makes it anew when it is missing,
// unreadable as a certificate, about to run out, or not for all of hosts.
func loadCertificate(dir string, hosts []string, now time.Time) (certificate, error) {
	hosts = append(hosts, "localhost", "127.0.0.1", "::1")
	if dir == "" {
		crt, key, err := makeCertificate(hosts, now)
		if err != nil {
			return certificate{}, err
		}
		return parseCertificate(crt, key)
	}
	crtPath, keyPath := filepath.Join(dir, "server.crt"), filepath.Join(dir, "server.key")
	crt, err1 := os.ReadFile(crtPath)
	key, err2 := os.ReadFile(keyPath)
	if err := errors.Join(err1, err2); err == nil {
		if c, err := parseCertificate(crt, key); err == nil && c.covers(hosts, now) {
			c.file = crtPath
			return c, nil
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return certificate{}, err
	}
	crt, key, err := makeCertificate(hosts, now)
	if err != nil {
		return certificate{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return certificate{}, err
	}
	// The key first: a crash between leaves a pair that does not fit, and the next
	// start makes both anew.
	if err := replaceFile(keyPath, key, 0o600); err != nil {
		return certificate{}, err
	}
	if err := replaceFile(crtPath, crt, 0o644); err != nil {
		return certificate{}, err
	}
	c, err := parseCertificate(crt, key)
	c.file = crtPath
	return c, err
}

func replaceFile(path string, b []byte, mode fs.FileMode) error {
	os.Remove(path + ".new") // of a crash; with another mode perhaps
	if err := os.WriteFile(path+".new", b, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func parseCertificate(crt, key []byte) (certificate, error) {
	pair, err := tls.X509KeyPair(crt, key)
	if err != nil {
		return certificate{}, err
	}
	return certificate{pair: pair, leaf: pair.Leaf}, nil
}

func (c certificate) covers(hosts []string, now time.Time) bool {
	for _, h := range hosts {
		if c.leaf.VerifyHostname(h) != nil {
			return false
		}
	}
	return now.After(c.leaf.NotBefore) && now.Add(30*24*time.Hour).Before(c.leaf.NotAfter)
}

func makeCertificate(hosts []string, now time.Time) (crt, key []byte, err error) {
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	tpl := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: hosts[0]},
		// A Raspberry Pi without a clock may think that it is last week.
		NotBefore:             now.Add(-30 * 24 * time.Hour),
		NotAfter:              now.Add(2 * 365 * 24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			tpl.IPAddresses = append(tpl.IPAddresses, ip)
		} else {
			tpl.DNSNames = append(tpl.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &priv.PublicKey, priv)
	if err != nil {
		return nil, nil, err
	}
	pk, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}), nil
}
