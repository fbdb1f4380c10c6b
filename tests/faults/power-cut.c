// A disk that keeps only what was synced. Preloaded into a program, it copies each file below $POWER_CUT_DIR to $POWER_CUT_DISK whenever
// the program syncs it; kill the program, and that folder is what a machine would find after the power came back. While the file
// $POWER_CUT_EIO exists, every sync fails with EIO instead, as on a dying disk. Directory entries are taken to be durable at once.
// Build: cc -shared -fPIC -O2 -o power-cut.so power-cut.c -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *dir, *disk, *broken;
static size_t dir_length;

__attribute__((constructor)) static void start(void) {
  dir = getenv("POWER_CUT_DIR");
  disk = getenv("POWER_CUT_DISK");
  broken = getenv("POWER_CUT_EIO");
  dir_length = dir ? strlen(dir) : 0;
}

// Where a file of the directory is on the disk; 0 when it is none of ours.
static int place(const char *path, char *to) {
  if (!dir || !disk || strncmp(path, dir, dir_length) || path[dir_length] != '/') return 0;
  return snprintf(to, PATH_MAX, "%s%s", disk, path + dir_length) < PATH_MAX;
}

static int ours(int fd, char *to) {
  char link[32], path[PATH_MAX];
  struct stat file;
  if (fstat(fd, &file) || !S_ISREG(file.st_mode)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return place(path, to);
}

// The copy takes its name when it is whole: power may also go while a sync is under way.
static void keep(int fd, const char *to) {
  char link[32], part[PATH_MAX + 8];
  struct stat file;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  snprintf(part, sizeof part, "%s.part", to);
  int in = open(link, O_RDONLY | O_CLOEXEC), out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (in < 0 || out < 0 || fstat(in, &file)) abort();
  for (off_t at = 0; at < file.st_size;)
    if (sendfile(out, in, &at, file.st_size - at) <= 0) abort();
  close(in);
  close(out);
  if (rename(part, to)) abort();
}

static int sync_with(const char *name, int fd) {
  int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
  char to[PATH_MAX];
  if (!ours(fd, to)) return next(fd);
  if (broken && !access(broken, F_OK)) {
    errno = EIO;
    return -1;
  }
  int result = next(fd);
  if (!result) keep(fd, to);
  return result;
}

int fsync(int fd) { return sync_with("fsync", fd); }
int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int unlink(const char *path) {
  int (*next)(const char *) = (int (*)(const char *))dlsym(RTLD_NEXT, "unlink");
  char to[PATH_MAX];
  int result = next(path);
  if (!result && place(path, to)) next(to);
  return result;
}
