/* What if cuDNN were loops over windows? The calls that the program makes, for tests where there is no GPU.

   Trying algorithms finds what the real one may find: one that fails, one that needs too much memory, one that rounds
   as the matrix units do and whose sums have no fixed order; and it leaves NaNs where the result goes. In the first
   trial the fastest is slow, since it is loaded; in the third another fails. An algorithm is refused if it is run
   otherwise than it was tried. */
#include "stand_in.h"
#include <math.h>
#include <stdint.h>

enum { OK = 0, BAD = 2000, NOT_SUPPORTED = 3000 };
enum { DEFAULT_MATH = 0, TENSOR_OP = 1, FMA = 3 };
enum { F32 = 0, BF16 = 9 };

struct handle { void *stream; };
struct maps { int number, n, c, h, w; };
struct weights { int number, out, in, h, w; };
struct sliding { int pad[2], stride[2], dilation[2], groups, math, trials; };
struct tried { unsigned algorithm, status; float time; size_t memory; unsigned determinism, math; int reserved[3]; };

size_t cudnnGetVersion(void) { return 92100; }
int cudnnCreate(void **handle) { return *handle = calloc(1, sizeof(struct handle)), OK; }
int cudnnDestroy(void *handle) { return free(handle), OK; }
int cudnnSetStream(void *handle, void *stream) { return ((struct handle *)handle)->stream = stream, OK; }

int cudnnCreateTensorDescriptor(void **d) { return *d = calloc(1, sizeof(struct maps)), OK; }
int cudnnDestroyTensorDescriptor(void *d) { return free(d), OK; }
int cudnnSetTensor4dDescriptor(void *d, int format, int number, int n, int c, int h, int w) {
    if (format != 1 || n < 1 || c < 1 || h < 1 || w < 1) return BAD;
    return *(struct maps *)d = (struct maps){number, n, c, h, w}, OK;
}

int cudnnCreateFilterDescriptor(void **d) { return *d = calloc(1, sizeof(struct weights)), OK; }
int cudnnDestroyFilterDescriptor(void *d) { return free(d), OK; }
int cudnnSetFilter4dDescriptor(void *d, int number, int format, int k, int c, int h, int w) {
    if (format != 1 || k < 1 || c < 1 || h < 1 || w < 1) return BAD;
    return *(struct weights *)d = (struct weights){number, k, c, h, w}, OK;
}

int cudnnCreateConvolutionDescriptor(void **d) { return *d = calloc(1, sizeof(struct sliding)), OK; }
int cudnnDestroyConvolutionDescriptor(void *d) { return free(d), OK; }
int cudnnSetConvolution2dDescriptor(void *d, int ph, int pw, int sh, int sw, int dh, int dw, int mode, int sums) {
    if (mode != 1 || sums != F32) return BAD;
    return *(struct sliding *)d = (struct sliding){{ph, pw}, {sh, sw}, {dh, dw}, 1, DEFAULT_MATH, 0}, OK;
}
int cudnnSetConvolutionGroupCount(void *d, int groups) { return ((struct sliding *)d)->groups = groups, OK; }
int cudnnSetConvolutionMathType(void *d, int math) { return ((struct sliding *)d)->math = math, OK; }

int cudnnGetConvolution2dForwardOutputDim(struct sliding *s, struct maps *x, struct weights *w, int *n, int *c, int *h, int *ww) {
    if (w->in * s->groups != x->c) return BAD;
    *n = x->n, *c = w->out;
    *h = (x->h + 2 * s->pad[0] - (w->h - 1) * s->dilation[0] - 1) / s->stride[0] + 1;
    *ww = (x->w + 2 * s->pad[1] - (w->w - 1) * s->dilation[1] - 1) / s->stride[1] + 1;
    return OK;
}

/* numbers */

static float get(const void *at, int number, size_t i) {
    if (number == F32) return ((const float *)at)[i];
    union { uint32_t bits; float number; } u = {(uint32_t)((const uint16_t *)at)[i] << 16};
    return u.number;
}

static void put(void *at, int number, size_t i, float value) {
    union { float number; uint32_t bits; } u = {value};
    if (number == F32) ((float *)at)[i] = value;
    else ((uint16_t *)at)[i] = (uint16_t)((u.bits + 0x7fff + ((u.bits >> 16) & 1)) >> 16);
}

static float ten_bits(float value) {
    union { float number; uint32_t bits; } u = {value};
    u.bits &= ~0x1fffu;
    return u.number;
}

/* work */

struct work { int pass, rounds; float varies, alpha, beta; struct maps x, y; struct weights w; struct sliding s; char *xs, *ws, *ys; };

static size_t units(struct maps m) { return (size_t)m.n * m.c * m.h * m.w; }
static size_t count_of(struct weights w) { return (size_t)w.out * w.in * w.h * w.w; }

/* As floats, as an algorithm reads them. */
static float *floats(const char *at, int number, size_t count, int rounds) {
    float *all = malloc(count * sizeof *all);
    for (size_t i = 0; i < count; i++) all[i] = rounds ? ten_bits(get(at, number, i)) : get(at, number, i);
    return all;
}

static void convolves(void *data) {
    struct work *k = data;
    struct maps x = k->x, y = k->y;
    struct weights w = k->w;
    float *xs = k->pass == 1 ? calloc(units(x), 4) : floats(k->xs, x.number, units(x), k->rounds);
    float *ws = k->pass == 2 ? calloc(count_of(w), 4) : floats(k->ws, w.number, count_of(w), k->rounds);
    float *ys = k->pass == 0 ? calloc(units(y), 4) : floats(k->ys, y.number, units(y), k->rounds);
    int out = w.out / k->s.groups;
    for (int n = 0; n < y.n; n++) for (int r = 0; r < y.h; r++) for (int q = 0; q < y.w; q++)
    for (int i = 0; i < w.h; i++) for (int j = 0; j < w.w; j++) {
        int row = r * k->s.stride[0] + i * k->s.dilation[0] - k->s.pad[0];
        int column = q * k->s.stride[1] + j * k->s.dilation[1] - k->s.pad[1];
        if (row < 0 || row >= x.h || column < 0 || column >= x.w) continue;
        for (int o = 0; o < w.out; o++) {
            float *yo = ys + (((size_t)n * y.h + r) * y.w + q) * y.c + o;
            float *xo = xs + (((size_t)n * x.h + row) * x.w + column) * x.c + o / out * w.in;
            float *wo = ws + (((size_t)o * w.h + i) * w.w + j) * w.in, sum = *yo;
            switch (k->pass) {
            case 0:
                for (int c = 0; c < w.in; c++) sum += xo[c] * wo[c];
                *yo = sum;
                break;
            case 1:
                for (int c = 0; c < w.in; c++) xo[c] += sum * wo[c];
                break;
            default:
                for (int c = 0; c < w.in; c++) wo[c] += sum * xo[c];
            }
        }
    }
    size_t count = k->pass == 0 ? units(y) : k->pass == 1 ? units(x) : count_of(w);
    char *result = k->pass == 0 ? k->ys : k->pass == 1 ? k->xs : k->ws;
    float *sums = k->pass == 0 ? ys : k->pass == 1 ? xs : ws;
    for (size_t i = 0; i < count; i++)
        /* as the real one: what stands there is not read without need, it may be no number */
        put(result, x.number, i, k->alpha * (1 + k->varies) * sums[i] + (k->beta ? k->beta * get(result, x.number, i) : 0));
    free(xs), free(ws), free(ys);
}

/* How often each was run. */
int stand_in_runs[2];

static size_t needs(int algorithm) { return 512 * (size_t)algorithm; }

static int run(struct handle *h, struct work work, int algorithm, void *space, size_t bytes) {
    static int runs;
    int math = work.s.math;
    /* algorithm 1 multiplies as it is told; 0 always as the matrix units do */
    if (algorithm > 1 || bytes != needs(algorithm) || (algorithm == 0 && math == FMA)) return BAD;
    if (work.x.number == BF16 && math != TENSOR_OP) return BAD;
    work.rounds = work.x.number == F32 && math != FMA;
    if (algorithm == 0) work.varies = 1e-6f * (float)(++runs % 16);
    stand_in_takes(space, bytes, h->stream);
    stand_in_runs[algorithm]++;
    stand_in_ask(h->stream, convolves, &work, sizeof work);
    return OK;
}

/* What trying finds, fastest first. */
static void list(struct sliding *s, int most, int *found, struct tried *tried) {
    struct tried all[] = {
        {3, OK, 0.1f, (size_t)1 << 40, 1, s->math, {0}},
        {0, OK, 0.2f, needs(0), 0, s->math == FMA ? DEFAULT_MATH : s->math, {0}},
        {1, OK, 0.3f, needs(1), 1, s->math, {0}},
        {2, NOT_SUPPORTED, -1, 0, 0, 0, {0}},
    };
    for (*found = 0; *found < 4 && *found < most; ++*found) tried[*found] = all[*found];
}

static void poisons(void *data) {
    struct work *k = data;
    size_t count = k->pass == 0 ? units(k->y) : k->pass == 1 ? units(k->x) : count_of(k->w);
    memset(k->pass == 0 ? k->ys : k->pass == 1 ? k->xs : k->ws, 0xff, count * (k->x.number == F32 ? 4 : 2));
}

static int try(struct handle *h, struct work work, struct sliding *s, int most, int *found, struct tried *tried) {
    struct tried swapped;
    if (stand_in_captures(h->stream) || most < 4) return BAD;
    stand_in_ask(h->stream, poisons, &work, sizeof work);
    stand_in_wait(h->stream);
    list(s, most, found, tried);
    if (++s->trials == 1) {
        swapped = tried[1], tried[1] = tried[2], tried[2] = swapped;
        tried[2].time = 50;
    } else if (s->trials == 3) {
        tried[2].status = NOT_SUPPORTED, tried[2].time = -1;
    }
    return OK;
}

#define WORK(pass) (struct work){pass, 0, 0, 1, 0, *xd, *yd, *wd, *s, (char *)x, (char *)w, (char *)y}
#define SCALED(pass) (struct work){pass, 0, 0, *alpha, *beta, *xd, *yd, *wd, *s, (char *)x, (char *)w, (char *)y}

int cudnnFindConvolutionForwardAlgorithmEx(void *h, struct maps *xd, const void *x, struct weights *wd, const void *w, struct sliding *s,
    struct maps *yd, void *y, int most, int *found, struct tried *tried, void *space, size_t bytes) {
    return try(h, WORK(0), s, most, found, tried);
}
int cudnnFindConvolutionBackwardDataAlgorithmEx(void *h, struct weights *wd, const void *w, struct maps *yd, const void *y, struct sliding *s,
    struct maps *xd, void *x, int most, int *found, struct tried *tried, void *space, size_t bytes) {
    return try(h, WORK(1), s, most, found, tried);
}
int cudnnFindConvolutionBackwardFilterAlgorithmEx(void *h, struct maps *xd, const void *x, struct maps *yd, const void *y, struct sliding *s,
    struct weights *wd, void *w, int most, int *found, struct tried *tried, void *space, size_t bytes) {
    return try(h, WORK(2), s, most, found, tried);
}

int cudnnGetConvolutionForwardAlgorithm_v7(void *h, struct maps *x, struct weights *w, struct sliding *s, struct maps *y,
    int most, int *found, struct tried *tried) {
    return list(s, most, found, tried), OK;
}
int cudnnGetConvolutionBackwardDataAlgorithm_v7(void *h, struct weights *w, struct maps *y, struct sliding *s, struct maps *x,
    int most, int *found, struct tried *tried) {
    return list(s, most, found, tried), OK;
}
int cudnnGetConvolutionBackwardFilterAlgorithm_v7(void *h, struct maps *x, struct maps *y, struct sliding *s, struct weights *w,
    int most, int *found, struct tried *tried) {
    return list(s, most, found, tried), OK;
}

int cudnnConvolutionForward(void *h, const float *alpha, struct maps *xd, const void *x, struct weights *wd, const void *w,
    struct sliding *s, int algorithm, void *space, size_t bytes, const float *beta, struct maps *yd, void *y) {
    return run(h, SCALED(0), algorithm, space, bytes);
}
int cudnnConvolutionBackwardData(void *h, const float *alpha, struct weights *wd, const void *w, struct maps *yd, const void *y,
    struct sliding *s, int algorithm, void *space, size_t bytes, const float *beta, struct maps *xd, void *x) {
    return run(h, SCALED(1), algorithm, space, bytes);
}
int cudnnConvolutionBackwardFilter(void *h, const float *alpha, struct maps *xd, const void *x, struct maps *yd, const void *y,
    struct sliding *s, int algorithm, void *space, size_t bytes, const float *beta, struct weights *wd, void *w) {
    return run(h, SCALED(2), algorithm, space, bytes);
}
