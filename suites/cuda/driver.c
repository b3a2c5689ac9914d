/* What if the CUDA driver were plain C? The calls that the program makes, for tests where there is no GPU.

   As on a GPU nothing happens when it is asked for: a stream keeps what it is asked for until somebody waits, so whoever
   hands it memory that changes meanwhile is found out, and so is who reads on one stream what another has not written. Fresh
   memory is full of NaNs, reads beyond it end the process, and so does freeing what is still in use. Calls come from any
   thread; each must have made the right one of two devices its own. "Code" of a GPU is the kernels' source (nvrtc.c), which the C
   compiler makes into a library here. */
#define _GNU_SOURCE
#include "stand_in.h"
#include <ctype.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MEMORY ((size_t)4 << 30)
#define DEVICES 2
#define STREAMS 256

static void die(const char *what) {
    fprintf(stderr, "stand-in for CUDA: %s\n", what);
    abort();
}

/* Calls come one after the other; some call others. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static void unlock(pthread_mutex_t **held) { pthread_mutex_unlock(*held); }
#define ONE_AT_A_TIME \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *held = (pthread_mutex_lock(&lock), &lock)

/* work */

struct work { void (*act)(void *); void *data; size_t bytes; };
struct list { struct work *items; size_t count, room; };
struct stream { struct list asked; size_t done; struct list *capture; int device; };
struct event { struct stream *stream; size_t until; int device; };

static size_t used[DEVICES];
static struct stream *streams[STREAMS];

/* A device that is gone refuses everything; how many calls are left of each that goes. */
int stand_in_calls_left[DEVICES] = {-1, -1};
int stand_in_memory_mib = MEMORY >> 20;

/* What a call is for: the device that its thread has made its own. */
struct context { int device; };
static struct context contexts[DEVICES] = {{0}, {1}};
static __thread struct context *current;

static int gone(int device) {
    int *left = &stand_in_calls_left[device];
    if (*left > 0) --*left;
    return *left == 0;
}

/* In front of every call that a device must be there for. */
#define THERE                                                        \
    ONE_AT_A_TIME;                                                   \
    if (!current) return 201;                                        \
    if (gone(current->device)) return 46
/* The same for a stream, which is of one device. */
#define THERE_FOR(stream)                                            \
    THERE;                                                           \
    if (((struct stream *)(stream))->device != current->device) die("a stream of another device is asked")

static void push(struct list *list, struct work work) {
    if (list->count == list->room) {
        list->room = list->room ? 2 * list->room : 64;
        list->items = realloc(list->items, list->room * sizeof *list->items);
    }
    list->items[list->count++] = work;
}

static void drain(struct stream *stream, size_t until) {
    for (; stream->done < until; stream->done++) {
        struct work work = stream->asked.items[stream->done];
        work.act(work.data);
    }
}

/* Whether what is asked for and not done names something between two places, or has that work itself. */
static int busy(const void *from, size_t bytes, const void *data) {
    for (size_t i = 0; i < STREAMS; i++) {
        struct stream *s = streams[i];
        if (!s || stand_in_calls_left[s->device] == 0) continue;
        for (size_t j = s->done; j < s->asked.count; j++) {
            struct work work = s->asked.items[j];
            if (data && work.data == data) return 1;
            for (size_t k = 0; k + sizeof(char *) <= work.bytes; k += sizeof(char *)) {
                const char *place;
                memcpy(&place, (char *)work.data + k, sizeof place);
                if (place >= (const char *)from && place < (const char *)from + bytes) return 1;
            }
        }
    }
    return 0;
}

/* `data` is copied; libraries on the same stream call this too. */
void stand_in_ask(void *stream, void (*act)(void *), const void *data, size_t bytes) {
    ONE_AT_A_TIME;
    struct stream *s = stream;
    struct work work = {act, malloc(bytes), bytes};
    memcpy(work.data, data, bytes);
    push(s->capture ? s->capture : &s->asked, work);
}

int stand_in_captures(void *stream) { return ((struct stream *)stream)->capture != NULL; }

void stand_in_wait(void *stream) {
    ONE_AT_A_TIME;
    drain(stream, ((struct stream *)stream)->asked.count);
}

/* device and context */

/* A program that is started by a law is told by its environment what becomes of the devices. */
int cuInit(unsigned flags) {
    ONE_AT_A_TIME;
    static int called;
    if (called++) return 0;
    const char *left = getenv("STAND_IN_CALLS_LEFT_1"), *mib = getenv("STAND_IN_MEMORY_MIB");
    if (left) stand_in_calls_left[1] = atoi(left);
    if (mib) stand_in_memory_mib = atoi(mib);
    return 0;
}
int cuDriverGetVersion(int *version) { return *version = 13000, 0; }
int cuDeviceGetCount(int *count) { return *count = DEVICES, 0; }
int cuDeviceGet(int *device, int index) { return *device = index, index < DEVICES ? 0 : 101; }
int cuDeviceGetName(char *name, int room, int device) { return snprintf(name, room, "plain C"), 0; }
int cuDeviceGetAttribute(int *value, int which, int device) { return *value = which == 75 ? 9 : 0, 0; }

int cuDevicePrimaryCtxRetain(void **context, int device) { return *context = &contexts[device], 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxGetCurrent(void **context) { return *context = current, 0; }
int cuCtxSetCurrent(void *context) { return current = context, 0; }
int cuGetErrorString(int error, const char **text) {
    return *text = error == 46 ? "the device is gone" : "the stand-in refuses", 0;
}

/* streams and events */

int cuStreamCreate(void **stream, unsigned flags) {
    THERE;
    for (size_t i = 0; i < STREAMS; i++)
        if (!streams[i]) {
            *stream = streams[i] = calloc(1, sizeof(struct stream));
            streams[i]->device = current->device;
            return 0;
        }
    return 2;
}

int cuStreamDestroy_v2(void *stream) {
    ONE_AT_A_TIME;
    for (size_t i = 0; i < STREAMS; i++)
        if (streams[i] == stream) streams[i] = NULL;
    return 0;
}

int cuStreamSynchronize(void *stream) {
    THERE_FOR(stream);
    if (stand_in_captures(stream)) return 900;
    return stand_in_wait(stream), 0;
}

int cuEventCreate(void **event, unsigned flags) {
    THERE;
    struct event *e = *event = calloc(1, sizeof *e);
    return e->device = current->device, 0;
}
int cuEventDestroy_v2(void *event) { return free(event), 0; }

int cuEventRecord(void *event, void *stream) {
    THERE_FOR(stream);
    struct event *e = event;
    if (e->device != current->device) die("an event of another device is recorded");
    return e->stream = stream, e->until = e->stream->asked.count, 0;
}

int cuEventSynchronize(void *event) {
    THERE;
    struct event *e = event;
    if (e->stream) drain(e->stream, e->until);
    return 0;
}

/* memory */

static size_t memory(void) { return (size_t)stand_in_memory_mib << 20; }

int cuMemGetInfo_v2(size_t *free_bytes, size_t *total) {
    THERE;
    return *total = memory(), *free_bytes = memory() - used[current->device], 0;
}

struct header { size_t bytes; int device; void *stream; char rest[232]; };

int cuMemAlloc_v2(unsigned long long *place, size_t bytes) {
    THERE;
    if (bytes == 0) return 1;
    if (bytes > memory() - used[current->device]) return 2;
    struct header *header = aligned_alloc(256, sizeof *header + (bytes + 255) / 256 * 256);
    if (!header) return 2;
    header->bytes = bytes;
    header->device = current->device;
    header->stream = NULL;
    used[current->device] += bytes;
    /* a large workspace is not worth the time */
    memset(header + 1, 0xff, bytes < (64u << 20) ? bytes : (64u << 20));
    return *place = (unsigned long long)(header + 1), 0;
}

/* A block of memory that work on a stream takes for what is half done: nobody else may have it. */
void stand_in_takes(void *place, size_t bytes, void *stream) {
    ONE_AT_A_TIME;
    if (bytes == 0) return;
    struct header *header = (struct header *)place - 1;
    if (bytes > header->bytes) die("a workspace is smaller than was said");
    if (header->stream && header->stream != stream) die("two streams share a workspace");
    header->stream = stream;
}

int cuMemFree_v2(unsigned long long place) {
    ONE_AT_A_TIME;
    struct header *header = (struct header *)place - 1;
    if (busy((void *)place, header->bytes, NULL)) die("memory of the device is freed while it is in use");
    used[header->device] -= header->bytes;
    return free(header), 0;
}

struct locked { size_t bytes; char rest[248]; };

int cuMemHostAlloc(void **place, size_t bytes, unsigned flags) {
    THERE;
    struct locked *locked = aligned_alloc(256, sizeof *locked + (bytes + 255) / 256 * 256);
    return locked->bytes = bytes, *place = locked + 1, 0;
}

int cuMemFreeHost(void *place) {
    ONE_AT_A_TIME;
    struct locked *locked = (struct locked *)place - 1;
    if (busy(place, locked->bytes, NULL)) die("page-locked memory is freed while it is in use");
    return free(locked), 0;
}

struct copy { void *to; const void *from; size_t bytes; };
static void copies(void *data) {
    struct copy *copy = data;
    memcpy(copy->to, copy->from, copy->bytes);
}

static int copy(void *to, const void *from, size_t bytes, void *stream) {
    THERE_FOR(stream);
    struct copy copy = {to, from, bytes};
    return stand_in_ask(stream, copies, &copy, sizeof copy), 0;
}

int cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *stream) {
    return copy((void *)to, from, bytes, stream);
}

int cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *stream) {
    return copy(to, (const void *)from, bytes, stream);
}

struct fill { void *to; unsigned char byte; size_t bytes; };
static void fills(void *data) {
    struct fill *fill = data;
    /* as much as cuMemAlloc_v2 has filled; what lies beyond is zero, as the system gives it */
    memset(fill->to, fill->byte, fill->bytes < (64u << 20) ? fill->bytes : (64u << 20));
}

int cuMemsetD8Async(unsigned long long to, unsigned char byte, size_t bytes, void *stream) {
    THERE_FOR(stream);
    struct fill fill = {(void *)to, byte, bytes};
    return stand_in_ask(stream, fills, &fill, sizeof fill), 0;
}

/* kernels */

static int modules;
struct kernel { const char *name; int count; const size_t *sizes; void (*run)(char *, int); };

/* Writes a function that runs a kernel over all its threads, and what its arguments are. */
static void wrap(FILE *out, const char *name, size_t name_length, const char *list, size_t length, FILE *table) {
    fprintf(out, "static void run_%.*s(char *p, int threads) {\n    for (index_ = 0; index_ < threads; index_++)\n        %.*s(",
            (int)name_length, name, (int)name_length, name);
    fprintf(table, "    {\"%.*s\", ", (int)name_length, name);
    int count = 0;
    char sizes[8192] = "";
    for (size_t from = 0; from < length;) {
        size_t to = from;
        while (to < length && list[to] != ',') to++;
        size_t end = to;
        while (end > from && isspace(list[end - 1])) end--;
        while (end > from && (isalnum(list[end - 1]) || list[end - 1] == '_')) end--;
        fprintf(out, "%s*(%.*s *)(p + %d)", count ? ", " : "", (int)(end - from), list + from, 8 * count);
        char size[256];
        snprintf(size, sizeof size, "sizeof(%.*s), ", (int)(end - from), list + from);
        strncat(sizes, size, sizeof sizes - strlen(sizes) - 1);
        count++;
        from = to + 1;
    }
    fprintf(out, ");\n}\n");
    fprintf(table, "%d, (const size_t[]){%s}, run_%.*s},\n", count, sizes, (int)name_length, name);
}

static void shell(const char *what, const char *to, const char *from) {
    char command[512];
    snprintf(command, sizeof command, "${CC:-cc} %s -x c -o %s %s -lm", what, to, from);
    if (system(command)) die("the kernels do not compile as C");
}

static char *content(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file) die("the C compiler has left no file");
    fseek(file, 0, SEEK_END);
    size_t bytes = ftell(file);
    rewind(file);
    char *text = calloc(1, bytes + 1);
    if (fread(text, 1, bytes, file) != bytes) die("a file cannot be read");
    return fclose(file), text;
}

/* Compiles code, and keeps what was compiled. */
int cuModuleLoadData(void **module, const char *code) {
    THERE;
    static struct { char *code; void *module; } known[8];
    int next = 0;
    modules++;
    for (; next < 8 && known[next].code; next++)
        if (!strcmp(known[next].code, code)) return *module = known[next].module, 0;
    if (next == 8) die("too many kernels");
    char folder[] = "/tmp/stand-in-XXXXXX", path[4][64];
    const char *names[] = {"code.c", "plain.c", "kernels.c", "kernels.so"};
    if (!mkdtemp(folder)) return 1;
    for (int i = 0; i < 4; i++) snprintf(path[i], sizeof path[i], "%s/%s", folder, names[i]);
    FILE *out = fopen(path[0], "w");
    fputs(code, out);
    fclose(out);
    /* lists of parameters may be macros */
    shell("-E -P -DKERNEL=KERNEL -DINLINE=INLINE -DINDEX=INDEX", path[1], path[0]);
    char *plain = content(path[1]);
    FILE *table = tmpfile();
    out = fopen(path[2], "w");
    fprintf(out, "#include <math.h>\n#include <stddef.h>\nstatic __thread int index_;\n#define KERNEL static void\n"
                 "#define INLINE static inline\n#define INDEX index_\n%s\n", plain);
    for (const char *at = plain; (at = strstr(at, "KERNEL ")); at++) {
        const char *name = at + 7, *open = strchr(name, '('), *close = strchr(open, ')');
        wrap(out, name, open - name, open + 1, close - open - 1, table);
    }
    fprintf(out, "const struct { const char *name; int count; const size_t *sizes; void (*run)(char *, int); } kernels[] = {\n");
    rewind(table);
    for (int c; (c = fgetc(table)) != EOF;) fputc(c, out);
    fprintf(out, "    {0},\n};\n");
    fclose(table);
    fclose(out);
    free(plain);
    shell("-O2 -w -shared -fPIC", path[3], path[2]);
    *module = dlopen(path[3], RTLD_NOW | RTLD_LOCAL);
    for (int i = 0; i < 4; i++) unlink(path[i]);
    rmdir(folder);
    known[next].code = strdup(code), known[next].module = *module;
    return *module ? 0 : 1;
}

int cuModuleUnload(void *module) {
    ONE_AT_A_TIME;
    struct kernel *kernels = dlsym(module, "kernels"), *end = kernels;
    while (end->name) end++;
    /* of one library there are several modules, of which others may be in use */
    if (--modules == 0 && busy(kernels, (char *)end - (char *)kernels, NULL)) die("kernels are unloaded while they are in use");
    return 0;
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
    struct kernel *kernel = dlsym(module, "kernels");
    for (; kernel->name; kernel++)
        if (!strcmp(kernel->name, name)) return *function = kernel, 0;
    return 500;
}

int cuFuncGetParamInfo(void *function, size_t i, size_t *offset, size_t *size) {
    struct kernel *kernel = function;
    if (i >= (size_t)kernel->count) return 1;
    return *offset = 8 * i, *size = kernel->sizes[i], 0;
}

struct launch { struct kernel *kernel; int threads; char slots[8 * 64]; };
static void launches(void *data) {
    struct launch *launch = data;
    launch->kernel->run(launch->slots, launch->threads);
}

int cuLaunchKernel(void *function, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **arguments, void **extra) {
    THERE_FOR(stream);
    struct launch launch = {function, (int)(x * bx)};
    if (launch.kernel->count > 64 || x == 0 || y * z * by * bz != 1) return 1;
    for (int i = 0; i < launch.kernel->count; i++)
        memcpy(launch.slots + 8 * i, arguments[i], launch.kernel->sizes[i]);
    return stand_in_ask(stream, launches, &launch, sizeof launch), 0;
}

/* graphs */

int stand_in_replays, stand_in_refuses_graphs;

int cuStreamBeginCapture_v2(void *stream, int mode) {
    THERE_FOR(stream);
    if (stand_in_refuses_graphs) return 801;
    return ((struct stream *)stream)->capture = calloc(1, sizeof(struct list)), 0;
}

int cuStreamEndCapture(void *stream, void **graph) {
    THERE_FOR(stream);
    struct stream *s = stream;
    return *graph = s->capture, s->capture = NULL, 0;
}

int cuGraphInstantiateWithFlags(void **whole, void *graph, unsigned long long flags) { return *whole = graph, 0; }
int cuGraphUpload(void *whole, void *stream) { return 0; }
int cuGraphExecDestroy(void *whole) { return 0; }
int cuGraphDestroy(void *graph) {
    ONE_AT_A_TIME;
    struct list *list = graph;
    for (size_t i = 0; i < list->count; i++)
        if (busy(NULL, 0, list->items[i].data)) die("a graph is destroyed while it is in use");
    return 0;
}

int cuGraphLaunch(void *whole, void *stream) {
    THERE_FOR(stream);
    struct list *list = whole;
    stand_in_replays++;
    for (size_t i = 0; i < list->count; i++) push(&((struct stream *)stream)->asked, list->items[i]);
    return 0;
}
