package auth

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSecretConfiguredWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	secret, err := Secret("  "+string(testSecret)+"\n", path)
	require.NoError(t, err)
	require.Equal(t, testSecret, secret)
	require.NoFileExists(t, path)

	_, err = Secret("hunter2", path)
	require.ErrorContains(t, err, "too short")
	require.NotContains(t, err.Error(), "hunter2", "the key itself must not be shown")
	_, err = Secret(" ", "")
	require.Error(t, err)
}

func TestSecretIsCreatedOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data", "deep")
	path := filepath.Join(folder, "secret.key")
	secret, err := Secret("", path)
	require.NoError(t, err)
	require.Regexp(t, `^[0-9a-f]{64}$`, string(secret))

	content, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(secret)+"\n", string(content))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing else is left behind")

	again, err := Secret("", path)
	require.NoError(t, err)
	require.Equal(t, secret, again)
	moved, err := Secret(string(content), path+".other")
	require.NoError(t, err)
	require.Equal(t, secret, moved, "the file's content may be moved to the setting")
}

func TestSecretRefusesWhatIsNoKey(t *testing.T) {
	folder := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte(content), mode))
		require.NoError(t, os.Chmod(path, mode)) // whatever the umask is
		return path
	}
	key := string(testSecret)
	link := filepath.Join(folder, "link")
	require.NoError(t, os.Symlink(filepath.Join(folder, "nowhere"), link))
	for _, c := range []struct{ path, says string }{
		{write("empty", "", 0o600), "empty or too short"},
		{write("blank", strings.Repeat(" ", 64)+"\n", 0o600), "empty or too short"},
		{write("short", key[:15]+"\n", 0o600), "empty or too short"},
		{write("long", strings.Repeat("x", 5000), 0o600), "not a secret key file"},
		{write("group", key, 0o640), "chmod 600"},
		{write("others", key, 0o604), "chmod 600"},
		{write("writable", key, 0o620), "chmod 600"},
		{folder, "not a secret key file"},
		{link, "cannot read"},
		{filepath.Join(folder, "short", "secret.key"), "secret key file"},
	} {
		secret, err := Secret("", c.path)
		require.ErrorContains(t, err, c.says)
		require.ErrorContains(t, err, c.path)
		require.NotContains(t, err.Error(), key[:15])
		require.Empty(t, secret)
	}
	secret, err := Secret("", write("fine", key+"\r\n", 0o400))
	require.NoError(t, err)
	require.Equal(t, testSecret, secret)
}

func TestSecretManyAtOnce(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	const callers = 32
	secrets, errs := make([]string, callers), make([]error, callers)
	var start, end sync.WaitGroup
	start.Add(1)
	for i := range callers {
		end.Go(func() {
			start.Wait()
			secret, err := Secret("", filepath.Join(folder, "secret.key"))
			secrets[i], errs[i] = string(secret), err
		})
	}
	start.Done()
	end.Wait()
	for i := range callers {
		require.NoError(t, errs[i])
		require.Equal(t, secrets[0], secrets[i])
	}
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

const secretProcess = "AUTH_TEST_SECRET_PATH"

// TestSecretManyProcesses starts this test again in other processes.
func TestSecretManyProcesses(t *testing.T) {
	if path := os.Getenv(secretProcess); path != "" {
		secret, err := Secret("", path)
		require.NoError(t, err)
		fmt.Printf("secret=%s\n", secret)
		return
	}
	path := filepath.Join(t.TempDir(), "data", "secret.key")
	const processes = 4
	outputs, errs := make([]string, processes), make([]error, processes)
	var end sync.WaitGroup
	for i := range processes {
		end.Go(func() {
			command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSecretManyProcesses$")
			command.Env = append(os.Environ(), secretProcess+"="+path)
			output, err := command.CombinedOutput()
			outputs[i], errs[i] = string(output), err
		})
	}
	end.Wait()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	for i := range processes {
		require.NoError(t, errs[i], outputs[i])
		require.Contains(t, outputs[i], "secret="+string(content))
	}
}
