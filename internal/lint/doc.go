// Package lint holds the project's own rules about its source, as tests: who
// may import whom, where protobuf types may appear, what no test may do. It
// has no code to import; `go test ./internal/lint` is its whole use.
//
// It leaves what holds for any Go program to vet, staticcheck and gofumpt.
package lint
