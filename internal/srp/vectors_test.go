package srp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// loadVectors reads a foreign vector file. They are not part of the project:
// COGCTL_VECTORS names the folder that holds them.
func loadVectors(t *testing.T, name string, into any) {
	t.Helper()
	dir := os.Getenv("COGCTL_VECTORS")
	if dir == "" {
		t.Skip("COGCTL_VECTORS is not set: foreign vectors not checked")
	}
	data, err := os.ReadFile(filepath.Join(dir, "srp", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func bigFromHex(t *testing.T, digits string) *big.Int {
	t.Helper()
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		t.Fatalf("test data: %q is not hex", digits)
	}
	return n
}

func fromBase64(t *testing.T, text string) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatalf("test data: %v", err)
	}
	return data
}

func wantEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

type derived struct {
	A   string `json:"A_hex"`
	U   string `json:"u_hex"`
	X   string `json:"x_hex"`
	Key string `json:"hkdf_key_hex"`
}

type publicAnswer struct {
	ID        string `json:"id"`
	User      string `json:"user_id_for_srp"`
	Pool      string `json:"pool_name"`
	Password  string `json:"password"`
	Salt      string `json:"salt_hex"`
	SecretA   string `json:"a_hex"`
	B         string `json:"srp_b_hex"`
	Timestamp string `json:"timestamp"`
	Block     string `json:"secret_block_b64"`
	Inner     string `json:"password_hash_hex"`
	Published struct {
		A         string `json:"A_hex"`
		Key       string `json:"hkdf_key_hex"`
		Signature string `json:"claim_signature_b64"`
	} `json:"published"`
	Derived derived `json:"derived_here"`
}

type publicAnswers struct {
	Vectors []publicAnswer `json:"vectors"`
	K       string         `json:"k_hex"`
	N       string         `json:"N_hex"`
	G       int64          `json:"g"`
	Hashes  []struct {
		User     string `json:"user"`
		ClientID string `json:"client_id"`
		Secret   string `json:"secret"`
		Hash     string `json:"hash"`
	} `json:"secret_hash"`
	DeviceHashes []struct {
		Group    string `json:"device_group_key"`
		Device   string `json:"device_key"`
		Password string `json:"password"`
		Hash     string `json:"hash_b64"`
	} `json:"device_key_hash"`
	PasswordHashes []struct {
		Input string `json:"input"`
		Hex   string `json:"hex"`
	} `json:"password_hash"`
	HKDF []struct {
		IKM  string `json:"ikm_hex"`
		Salt string `json:"salt_hex"`
		OKM  string `json:"okm_hex"`
	} `json:"hkdf_alexrudd"`
	U []struct {
		A string `json:"A_hex"`
		B string `json:"B_hex"`
		U string `json:"u_dec"`
	} `json:"u"`
	MustReject []struct {
		B     string `json:"srp_b"`
		Block string `json:"secret_block"`
	} `json:"must_reject"`
}

func TestPublicVectors(t *testing.T) {
	t.Parallel()
	var set publicAnswers
	loadVectors(t, "public_known_answers.json", &set)
	if len(set.Vectors) < 4 {
		t.Fatalf("%d vectors, want at least 4", len(set.Vectors))
	}
	for _, v := range set.Vectors {
		t.Run(v.ID, func(t *testing.T) { checkPublicAnswer(t, v) })
	}
}

func checkPublicAnswer(t *testing.T, v publicAnswer) {
	id := Identity{Pool: v.Pool, User: v.User, Password: v.Password}
	client := newClient(bigFromHex(t, v.SecretA))
	salt, b := bigFromHex(t, v.Salt), bigFromHex(t, v.B)
	wantEqual(t, "A", client.A(), v.Derived.A)
	if v.Published.A != "" {
		wantEqual(t, "published A", client.A(), v.Published.A)
	}
	u, err := scrambler(client.public, b)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "u", u.Text(16), v.Derived.U)
	wantEqual(t, "x", id.x(salt).Text(16), v.Derived.X)
	key, err := client.key(id, salt, b)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "key", hex.EncodeToString(key), v.Derived.Key)
	if v.Published.Key != "" {
		wantEqual(t, "published key", hex.EncodeToString(key), v.Published.Key)
	}
	if v.Inner != "" {
		wantEqual(t, "x from the published password hash",
			hash(pad(salt), bigFromHex(t, v.Inner).FillBytes(make([]byte, 32))).Text(16), v.Derived.X)
	}
	if v.Published.Signature == "" {
		return
	}
	at, err := ParseTimestamp(v.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := client.Prove(id, Challenge{Salt: v.Salt, B: v.B, SecretBlock: v.Block}, at)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "proof", proof, Proof{Signature: v.Published.Signature, SecretBlock: v.Block, Timestamp: v.Timestamp})
}

func TestPublicConstantsAndHashes(t *testing.T) {
	t.Parallel()
	var set publicAnswers
	loadVectors(t, "public_known_answers.json", &set)
	wantEqual(t, "N", strings.ToUpper(params().n.Text(16)), set.N)
	wantEqual(t, "g", params().g.Int64(), set.G)
	wantEqual(t, "k", params().k.Text(16), set.K)
	for _, h := range set.Hashes {
		wantEqual(t, "SECRET_HASH of "+h.User, SecretHash(h.User, h.ClientID, h.Secret), h.Hash)
	}
	for _, h := range set.DeviceHashes {
		id := Identity{Pool: h.Group, User: h.Device, Password: h.Password}
		salt := big.NewInt(1)
		wantEqual(t, "x of a device", id.x(salt).Text(16), hash(pad(salt), fromBase64(t, h.Hash)).Text(16))
	}
	for _, h := range set.PasswordHashes {
		// "pool + user" is one text in this vector: where it is cut does not matter.
		userPart, password, _ := strings.Cut(h.Input, ":")
		id := Identity{Pool: userPart[:9], User: userPart[9:], Password: password}
		inner := bigFromHex(t, h.Hex).FillBytes(make([]byte, 32))
		salt := big.NewInt(128)
		wantEqual(t, "x from a password hash", id.x(salt).Text(16), hash(pad(salt), inner).Text(16))
	}
	for _, h := range set.HKDF {
		key, err := sessionKey(bigFromHex(t, h.IKM), bigFromHex(t, h.Salt))
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "HKDF", hex.EncodeToString(key), h.OKM)
	}
	for _, h := range set.U {
		u, err := scrambler(bigFromHex(t, h.A), bigFromHex(t, h.B))
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "u", u.String(), h.U)
	}
	if min(len(set.Hashes), len(set.DeviceHashes), len(set.PasswordHashes), len(set.HKDF), len(set.U)) == 0 {
		t.Error("a list of vectors is empty: was it read?")
	}
}

func TestPublicMustReject(t *testing.T) {
	t.Parallel()
	var set publicAnswers
	loadVectors(t, "public_known_answers.json", &set)
	client := newClient(big.NewInt(5))
	id := Identity{Pool: "pool", User: "user", Password: "password"}
	good := Challenge{Salt: "a1", B: "b2", SecretBlock: "c2VjcmV0"}
	if _, err := client.Prove(id, good, goldenTime); err != nil {
		t.Fatalf("control: %v", err)
	}
	if len(set.MustReject) < 3 {
		t.Fatalf("%d inputs to refuse, want at least 3", len(set.MustReject))
	}
	for _, bad := range set.MustReject {
		ch := good
		if bad.Block != "" {
			ch.SecretBlock = bad.Block
		} else if ch.B = bad.B; strings.HasPrefix(bad.B, "N ") {
			ch.B = params().n.Text(16)
		}
		_, err := client.Prove(id, ch, goldenTime)
		if err == nil || errors.Is(err, ErrPublicValue) != (bad.B != "") {
			t.Errorf("%+v: error %v", bad, err)
		}
	}
}

func TestPadVectors(t *testing.T) {
	t.Parallel()
	var set struct {
		Rows [][2]any `json:"rows"`
	}
	loadVectors(t, "padhex.json", &set)
	checked := 0
	for _, row := range set.Rows {
		if n := int64(row[0].(float64)); n >= 0 {
			wantEqual(t, fmt.Sprintf("pad(%d)", n), strings.ToUpper(hex.EncodeToString(pad(big.NewInt(n)))), row[1].(string))
			checked++
		}
	}
	if checked < 257 {
		t.Errorf("%d rows checked, want 257", checked)
	}
}

type generatedUser struct {
	I         int    `json:"i"`
	Pool      string `json:"pool_name"`
	User      string `json:"user_id_for_srp"`
	Password  string `json:"password"`
	Salt      string `json:"salt_hex"`
	SecretA   string `json:"a_hex"`
	A         string `json:"A_hex"`
	SecretB   string `json:"b_hex"`
	Verifier  string `json:"verifier_hex"`
	B         string `json:"srp_b_hex"`
	U         string `json:"u_hex"`
	X         string `json:"x_hex"`
	Key       string `json:"hkdf_key_hex"`
	Block     string `json:"secret_block_b64"`
	Timestamp string `json:"timestamp"`
	Signature string `json:"claim_signature_b64"`
}

type generatedDevice struct {
	Group        string `json:"device_group_key"`
	Device       string `json:"device_key"`
	Password     string `json:"random_password"`
	Salt         string `json:"salt_hex"`
	Verifier     string `json:"verifier_hex"`
	SaltText     string `json:"Salt_b64"`
	VerifierText string `json:"PasswordVerifier_b64"`
}

func TestGeneratedUsers(t *testing.T) {
	t.Parallel()
	var set struct {
		Users []generatedUser `json:"srp"`
	}
	loadVectors(t, "identity_js_generated.json", &set)
	if len(set.Users) < 32 {
		t.Fatalf("%d vectors, want 32", len(set.Users))
	}
	for _, v := range set.Users {
		t.Run(fmt.Sprint(v.I), func(t *testing.T) {
			t.Parallel()
			checkGeneratedUser(t, v)
		})
	}
}

// checkGeneratedUser runs both halves with a, b and salt of the vector.
func checkGeneratedUser(t *testing.T, v generatedUser) {
	id := Identity{Pool: v.Pool, User: v.User, Password: v.Password}
	client, err := NewClient(bytes.NewReader(bigFromHex(t, v.SecretA).FillBytes(make([]byte, secretBytes))))
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "A", client.A(), v.A)
	stored, err := NewVerifier(bytes.NewReader(bigFromHex(t, v.Salt).FillBytes(make([]byte, saltBytes))), id)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "verifier", new(big.Int).SetBytes(stored.V).Text(16), v.Verifier)
	server, err := NewServer(bytes.NewReader(bigFromHex(t, v.SecretB).FillBytes(make([]byte, secretBytes))), stored, v.A)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "B", server.B(), v.B)
	wantEqual(t, "salt", server.Salt(), bigFromHex(t, v.Salt).Text(16))
	wantEqual(t, "u", server.u.Text(16), bigFromHex(t, v.U).Text(16))
	wantEqual(t, "x", id.x(server.salt).Text(16), bigFromHex(t, v.X).Text(16))
	serverKey, err := server.key()
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "server's key", hex.EncodeToString(serverKey), v.Key)
	clientKey, err := client.key(id, bigFromHex(t, v.Salt), bigFromHex(t, v.B))
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "client's key", hex.EncodeToString(clientKey), v.Key)
	checkGeneratedClaim(t, v, client, server)
}

// checkGeneratedClaim checks the signature. These vectors sign a fixed "Mon",
// which is the right weekday for a few of them only; over the others a server
// that signs its own rendering of the time must refuse.
func checkGeneratedClaim(t *testing.T, v generatedUser, client *Client, server *Server) {
	id := Identity{Pool: v.Pool, User: v.User, Password: v.Password}
	block := fromBase64(t, v.Block)
	literal := claim{pool: v.Pool, user: v.User, secretBlock: block, timestamp: v.Timestamp}
	wantEqual(t, "signature", literal.sign(bigFromHex(t, v.Key).FillBytes(make([]byte, keyBytes))), v.Signature)

	at, err := ParseTimestamp(v.Timestamp)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := client.Prove(id, Challenge{Salt: v.Salt, B: v.B, SecretBlock: v.Block}, at)
	if err != nil {
		t.Fatal(err)
	}
	canonical := proof.Timestamp == v.Timestamp
	wantEqual(t, "signature equal to the vector's", proof.Signature == v.Signature, canonical)
	wantEqual(t, "vector's signature verifies", server.Verify(v.Pool, v.User, block, at, v.Signature), canonical)
	if !server.Verify(v.Pool, v.User, block, at, proof.Signature) {
		t.Error("the client's own signature does not verify")
	}
}

func TestGeneratedDevices(t *testing.T) {
	t.Parallel()
	var set struct {
		Devices []generatedDevice `json:"device"`
	}
	loadVectors(t, "identity_js_generated.json", &set)
	if len(set.Devices) < 6 {
		t.Fatalf("%d vectors, want 6", len(set.Devices))
	}
	for _, v := range set.Devices {
		t.Run(v.Device, func(t *testing.T) {
			t.Parallel()
			drawn := append(fromBase64(t, v.Password), bigFromHex(t, v.Salt).FillBytes(make([]byte, saltBytes))...)
			secret, err := NewDeviceSecret(bytes.NewReader(drawn), v.Group, v.Device)
			if err != nil {
				t.Fatal(err)
			}
			if secret != (DeviceSecret{Password: v.Password, Salt: v.SaltText, Verifier: v.VerifierText}) {
				t.Errorf("%s: password, salt or verifier differs from the vector", v.Device)
			}
			stored, err := ParseDeviceVerifier(v.SaltText, v.VerifierText)
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, "salt", hex.EncodeToString(stored.Salt), v.Salt)
			wantEqual(t, "verifier", hex.EncodeToString(stored.V), v.Verifier)
			id := Identity{Pool: v.Group, User: v.Device, Password: v.Password}
			if err := handshake(newSource(1), id, stored); err != nil {
				t.Error(err)
			}
		})
	}
}
