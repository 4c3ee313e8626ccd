// Package ext stands in for a module that Traefik nests in its own and never published: the empty
// extension points of its dynamic configuration.
package ext

type HTTP struct{}

type Router struct{}
