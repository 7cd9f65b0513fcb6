// Package acs is the core of the IM server: sessions, message path, sync,
// contacts, presence, devices. It knows no wire format: edges translate, and
// call it through the interfaces of package im. It leaves storage to shard,
// links to mesh, and who-is-where to presence. Package cmd/cxxd puts it
// together.
package acs
