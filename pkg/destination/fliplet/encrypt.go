package fliplet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5" //nolint:gosec // CryptoJS derives keys with it
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// cipherText encrypts columns as Fliplet Agent does, by CryptoJS.AES.encrypt(text, key): AES-256-CBC under a key that
// OpenSSL's EVP_BytesToKey derives from the passphrase and a random salt. This format does not reveal whether a text was
// altered; it is the only one that Fliplet apps can read.
//
// Source: https://docs.openssl.org/3.0/man3/EVP_BytesToKey/; https://cryptojs.gitbook.io/docs/.
type cipherText struct {
	key     string
	columns []string
}

// salted starts an encrypted text; a salt follows.
const (
	salted     = "Salted__"
	saltLength = 8
)

// derived are the AES key and the first block's vector for a passphrase and a salt.
func derived(passphrase string, salt []byte) (key, vector []byte) {
	const keyLength = 32
	var all, block []byte
	for len(all) < keyLength+aes.BlockSize {
		sum := md5.Sum(slices.Concat(block, []byte(passphrase), salt)) //nolint:gosec // see above
		block = sum[:]
		all = append(all, block...)
	}
	return all[:keyLength], all[keyLength : keyLength+aes.BlockSize]
}

// encrypt returns a text as CryptoJS would encrypt it.
func (c *cipherText) encrypt(text []byte) (string, error) {
	salt := make([]byte, saltLength)
	if _, err := rand.Read(salt); err != nil {
		return "", err
	}
	key, vector := derived(c.key, salt)
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	padding := aes.BlockSize - len(text)%aes.BlockSize
	padded := slices.Concat(text, bytes.Repeat([]byte{byte(padding)}, padding))
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(padded, padded)
	return base64.StdEncoding.EncodeToString(slices.Concat([]byte(salted), salt, padded)), nil
}

// errPlain is the error for a text that is not encrypted with the key.
var errPlain = errors.New("is not encrypted with this key")

// decrypt returns what encrypt, or CryptoJS, has encrypted.
func (c *cipherText) decrypt(text string) ([]byte, error) {
	all, err := base64.StdEncoding.DecodeString(text)
	const head = len(salted) + saltLength
	if err != nil || len(all) < head+aes.BlockSize || len(all)%aes.BlockSize != 0 || string(all[:len(salted)]) != salted {
		return nil, errPlain
	}
	key, vector := derived(c.key, all[len(salted):head])
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	body := all[head:]
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(body, body)
	padding := int(body[len(body)-1])
	if padding < 1 || padding > aes.BlockSize || !bytes.Equal(body[len(body)-padding:], bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, errPlain
	}
	if body = body[:len(body)-padding]; !utf8.Valid(body) {
		return nil, errPlain
	}
	return body, nil
}

// hide encrypts the columns of an entry, except NULL and the empty text. An error is about the entry.
func (c *cipherText) hide(data []byte) ([]byte, error) {
	return c.each(data, func(name string, v json.RawMessage) (any, error) {
		switch {
		case string(v) == "null" || string(v) == `""`:
			return v, nil
		case v[0] == '{' || v[0] == '[':
			return nil, fmt.Errorf("column %s is not a text and cannot be encrypted; make it a text in the query", name)
		case v[0] != '"':
			return c.encrypt(v)
		}
		var text string
		if err := json.Unmarshal(v, &text); err != nil {
			return nil, err
		}
		return c.encrypt([]byte(text))
	})
}

// show decrypts the columns of an entry. A column that is not encrypted with the key gets a value that no row has, so that
// it is resent.
func (c *cipherText) show(data []byte) ([]byte, error) {
	return c.each(data, func(_ string, v json.RawMessage) (any, error) {
		if string(v) == "null" || string(v) == `""` {
			return v, nil
		}
		var text string
		if json.Unmarshal(v, &text) != nil {
			return salted + string(v), nil
		}
		plain, err := c.decrypt(text)
		if err != nil {
			return salted + text, nil
		}
		return string(plain), nil
	})
}

// each returns an entry with its columns changed.
func (c *cipherText) each(data []byte, change func(string, json.RawMessage) (any, error)) ([]byte, error) {
	if c == nil || data == nil {
		return data, nil
	}
	members, err := record.Members(data)
	if err != nil {
		return nil, err
	}
	var b record.Builder
	for _, m := range members {
		var v any = m.Value
		if slices.Contains(c.columns, m.Name) {
			if v, err = change(m.Name, m.Value); err != nil {
				return nil, err
			}
		}
		if err := b.Add(m.Name, v); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
