package auth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cxx-im/cxx/internal/config"
)

// Config is the section [auth] of the configuration.
type Config struct {
	Mechanisms      []string        `toml:"mechanisms" doc:"password mechanisms offered, best first: SCRAM-SHA-256, SCRAM-SHA-1; their -PLUS forms follow by themselves on TLS"`
	ScramIterations int             `toml:"scram_iterations" doc:"work of one password guess for new passwords; the client pays it at every login by password"`
	SealFile        string          `toml:"seal_file" doc:"file with the key that seals the password verifiers, mode 0600, the same on every node; empty: seal.key in the data directory"`
	PlainCache      config.Duration `toml:"plain_cache" doc:"how long a right password sent in PLAIN is remembered (as a keyed hash, in memory) to save the work"`
	TokenIdle       config.Duration `toml:"token_idle" doc:"a device token unused for this long is void"`
	TokenAbsolute   config.Duration `toml:"token_absolute" doc:"after this long a device has to log in by password again"`
	DeviceLimit     int             `toml:"device_limit" doc:"most devices of a user"`
	DevicePolicy    string          `toml:"device_policy" doc:"what a login beyond the limit does: replace-oldest or refuse"`

	Registration           string `toml:"registration" doc:"who may make an account from a client: off, invite or enabled"`
	RegistrationsPerSource int    `toml:"registrations_per_address" doc:"most accounts made from one address (IPv4, or IPv6 /64) per hour"`
	RegistrationsPerNode   int    `toml:"registrations_per_node" doc:"most accounts made on this node per hour"`

	FailedFree     int             `toml:"failed_logins" doc:"wrong passwords of an account before each further try waits 1s, 2s, 4s and so on"`
	FailedMaxDelay config.Duration `toml:"failed_max_delay" doc:"longest such wait"`
	FailedHold     config.Duration `toml:"failed_hold" doc:"a wait up to this is spent holding the login; a longer one is answered with when to come back"`
	FailedSource   int             `toml:"failed_logins_per_address" doc:"failed logins per minute from one address (IPv4, or IPv6 /64) before the address is shut out"`
	FailedBlock    config.Duration `toml:"failed_block" doc:"for how long an address is shut out; device tokens keep working"`
	TestMode       bool            `toml:"test_mode" doc:"lift the rate limits and the floor of scram_iterations; for load tests only"`

	JWT JWTConfig `toml:"jwt"`
}

// JWTConfig is the section [auth.jwt]: logins vouched for by the operator's
// own backend. Without keys it is off.
type JWTConfig struct {
	Keys       []JWTKey        `toml:"keys" doc:"keys that sign: algorithm (EdDSA, RS256, HS256), file, and id when the tokens name one (kid)"`
	Issuer     string          `toml:"issuer" doc:"the iss that a token must have; required"`
	Audience   string          `toml:"audience" doc:"the aud that a token must have; required"`
	UserClaim  string          `toml:"user_claim" doc:"the claim that names the user, by the part before the @ or by the full address"`
	AutoCreate bool            `toml:"auto_create" doc:"make the account at its first login"`
	Leeway     config.Duration `toml:"leeway" doc:"how far the clocks may disagree"`
}

// JWTKey is one key that may sign tokens. The algorithm belongs to the key and
// is never taken from a token.
type JWTKey struct {
	ID        string `toml:"id" doc:"the kid of tokens signed by this key; empty: tokens without a kid"`
	Algorithm string `toml:"algorithm" doc:"EdDSA, RS256 or HS256"`
	File      string `toml:"file" doc:"public key in PEM for EdDSA and RS256; for HS256 the secret, at least 32 bytes, mode 0600"`
}

// The words of device_policy and registration.
const (
	ReplaceOldest = "replace-oldest"
	RefuseDevice  = "refuse"

	RegistrationOff     = "off"
	RegistrationInvite  = "invite"
	RegistrationEnabled = "enabled"
)

const (
	minIterations     = 10_000
	minTestIterations = 4096 // RFC 5802 section 5.1; some clients refuse less
	maxIterations     = 1_000_000
)

// DefaultConfig returns the defaults of contract section 3.
func DefaultConfig() Config {
	return Config{
		Mechanisms:      []string{scramSHA256, scramSHA1},
		ScramIterations: minIterations,
		PlainCache:      config.Duration(5 * time.Minute),
		TokenIdle:       config.Duration(30 * 24 * time.Hour),
		TokenAbsolute:   config.Duration(180 * 24 * time.Hour),
		DeviceLimit:     10,
		DevicePolicy:    ReplaceOldest,

		Registration:           RegistrationOff,
		RegistrationsPerSource: 3,
		RegistrationsPerNode:   100,

		FailedFree:     5,
		FailedMaxDelay: config.Duration(60 * time.Second),
		FailedHold:     config.Duration(4 * time.Second),
		FailedSource:   20,
		FailedBlock:    config.Duration(15 * time.Minute),

		JWT: JWTConfig{UserClaim: "sub", Leeway: config.Duration(30 * time.Second)},
	}
}

// Validate names the key that is wrong and what to do.
func (c Config) Validate() error {
	floor := minIterations
	if c.TestMode {
		floor = minTestIterations
	}
	for _, m := range c.Mechanisms {
		if m != scramSHA256 && m != scramSHA1 {
			return fmt.Errorf("mechanisms has %q; choose from %s and %s", m, scramSHA256, scramSHA1)
		}
	}
	switch {
	case c.ScramIterations < floor || c.ScramIterations > maxIterations:
		return fmt.Errorf("scram_iterations is %d; choose %d to %d", c.ScramIterations, floor, maxIterations)
	case c.PlainCache < 0 || c.PlainCache.D() > time.Hour:
		return fmt.Errorf("plain_cache is %s; choose 0s to 1h", c.PlainCache)
	case c.TokenIdle.D() < time.Minute:
		return fmt.Errorf("token_idle is %s; choose at least 1m", c.TokenIdle)
	case c.TokenAbsolute < c.TokenIdle:
		return fmt.Errorf("token_absolute is %s; it must be at least token_idle (%s)", c.TokenAbsolute, c.TokenIdle)
	case c.DeviceLimit < 1 || c.DeviceLimit > 1000:
		return fmt.Errorf("device_limit is %d; choose 1 to 1000", c.DeviceLimit)
	case c.DevicePolicy != ReplaceOldest && c.DevicePolicy != RefuseDevice:
		return fmt.Errorf("device_policy is %q; choose %s or %s", c.DevicePolicy, ReplaceOldest, RefuseDevice)
	case !slices.Contains([]string{RegistrationOff, RegistrationInvite, RegistrationEnabled}, c.Registration):
		return fmt.Errorf("registration is %q; choose %s, %s or %s", c.Registration, RegistrationOff, RegistrationInvite, RegistrationEnabled)
	case c.RegistrationsPerSource < 1 || c.RegistrationsPerNode < 1:
		return fmt.Errorf("registrations_per_address and registrations_per_node must be at least 1; to allow none, set registration to %s", RegistrationOff)
	case c.FailedFree < 1 || c.FailedSource < 1:
		return fmt.Errorf("failed_logins and failed_logins_per_address must be at least 1; to lift them in a load test, set test_mode")
	case c.FailedMaxDelay.D() < time.Second || c.FailedBlock.D() < time.Second:
		return fmt.Errorf("failed_max_delay and failed_block must be at least 1s")
	case c.FailedHold < 0 || c.FailedHold.D() > 30*time.Second:
		return fmt.Errorf("failed_hold is %s; choose 0s to 30s", c.FailedHold)
	}
	return c.JWT.validate()
}

func (c JWTConfig) validate() error {
	if len(c.Keys) == 0 {
		return nil
	}
	switch {
	case c.Issuer == "" || c.Audience == "":
		return fmt.Errorf("jwt.issuer and jwt.audience must both be set when jwt.keys is, so that a token made for another service does not open this one")
	case c.UserClaim == "":
		return fmt.Errorf("jwt.user_claim is empty; the usual claim is sub")
	case c.Leeway < 0 || c.Leeway.D() > 5*time.Minute:
		return fmt.Errorf("jwt.leeway is %s; choose 0s to 5m", c.Leeway)
	}
	seen := map[string]bool{}
	for i, k := range c.Keys {
		switch {
		case !slices.Contains(jwtAlgorithms, k.Algorithm):
			return fmt.Errorf("jwt.keys[%d].algorithm is %q; choose one of %s", i, k.Algorithm, strings.Join(jwtAlgorithms, ", "))
		case k.File == "":
			return fmt.Errorf("jwt.keys[%d].file is empty; name the file with the key", i)
		case seen[k.Algorithm+" "+k.ID]:
			return fmt.Errorf("jwt.keys[%d] has the same id %q and algorithm as an earlier key; give each an id of its own", i, k.ID)
		}
		seen[k.Algorithm+" "+k.ID] = true
	}
	return nil
}
