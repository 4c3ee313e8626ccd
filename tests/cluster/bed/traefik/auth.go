// Package auth stands in for the fork of an authentication library that the module proxy refuses:
// it has the names that Traefik uses, and lets nobody in. The test bed has no password.
package auth

import "net/http"

type SecretProvider func(user, realm string) string

type BasicAuth struct {
	Realm   string
	Secrets SecretProvider
}

func refuse(w http.ResponseWriter) { http.Error(w, "unauthorized", http.StatusUnauthorized) }

func (a *BasicAuth) RequireAuth(w http.ResponseWriter, _ *http.Request) { refuse(w) }

func CheckSecret(_, _ string) bool { return false }

type DigestAuth struct{ Realm string }

func NewDigestAuthenticator(realm string, _ SecretProvider) *DigestAuth { return &DigestAuth{realm} }

func (a *DigestAuth) CheckAuth(_ *http.Request) (string, *string) { return "", nil }

func (a *DigestAuth) RequireAuth(w http.ResponseWriter, _ *http.Request) { refuse(w) }

func (a *DigestAuth) RequireAuthStale(w http.ResponseWriter, _ *http.Request) { refuse(w) }

func DigestAuthParams(_ string) map[string]string { return map[string]string{} }
