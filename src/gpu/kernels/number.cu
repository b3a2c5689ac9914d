/* Which numbers do kernels compute with, and where does a thread stand?

   The kernels are written in what C and CUDA C++ share: a compiler of either takes them. Whoever compiles
   them for something else than a GPU defines KERNEL, INLINE and INDEX first. A kernel has no shared memory,
   no barriers and no atomics: what a thread writes depends on nothing that another thread of its launch
   writes, so the order of threads decides nothing.

   Maps are [n][h][w][c], vectors [n][c]. E is a unit's type: float, or with BF16 the upper half of one.
   A thread that has much to read takes WIDE channels at once, one access of memory, and a strip of rows; its
   numbers of each channel are then read once for all rows. Where the channels are no multiple of WIDE it reads
   them one by one.
   All arithmetic is in float. A gradient that has several sources is summed up: with `add` a kernel adds to
   what stands there. */

#ifndef KERNEL
#define KERNEL extern "C" __global__ void
#define INLINE static __device__ __forceinline__
#define INDEX ((int)(blockIdx.x * blockDim.x + threadIdx.x))
#define INFINITY __int_as_float(0x7f800000)
#endif

/* A loop begins so many rounds at once, so that their numbers are on the way together. */
#ifdef __CUDACC__
#define UNROLL _Pragma("unroll 16")
#define UNROLL_ROWS _Pragma("unroll 4")
#else
#define UNROLL
#define UNROLL_ROWS
#endif

/* Parts of a sum that one thread adds up; SUM_PARTS in sums.rs. */
#define PARTS 64

INLINE float number_of(unsigned int bits) {
    union { unsigned int bits; float number; } u;
    u.bits = bits;
    return u.number;
}

INLINE unsigned int bits_of(float number) {
    union { unsigned int bits; float number; } u;
    u.number = number;
    return u.bits;
}

#ifdef BF16
typedef unsigned short E;
/* Units that a thread takes at once: as many as one access of memory carries. `Element::wide` is the same. */
#define WIDE 8

INLINE float get(E x) { return number_of((unsigned int)x << 16); }

/* To nearest, ties to even; a NaN stays one. */
INLINE E put(float x) {
#ifdef __CUDACC__
    E y;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
    return y;
#else
    unsigned int bits = bits_of(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (E)((bits >> 16) | 0x40u);
    return (E)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
#endif
}
#else
typedef float E;
#define WIDE 4

INLINE float get(E x) { return x; }
INLINE E put(float x) { return x; }
#endif

INLINE void store(E *y, int i, float x, int add) { y[i] = put(add ? get(y[i]) + x : x); }

INLINE int smaller(int a, int b) { return a < b ? a : b; }

/* What one access of memory carries. */
typedef struct __attribute__((aligned(16))) { unsigned int word[4]; } Carried;

/* `lanes` units, at most WIDE, as v[WIDE]; those beyond are zero. `whole` says that there are WIDE, at a place from
   which one access carries them. */
INLINE void load(const E *x, int lanes, int whole, float *v) {
    Carried all;
    int i;
    if (whole) {
        all = *(const Carried *)x;
#ifdef BF16
        for (i = 0; i < 4; i++) {
            v[2 * i] = number_of(all.word[i] << 16);
            v[2 * i + 1] = number_of(all.word[i] & 0xffff0000u);
        }
#else
        for (i = 0; i < 4; i++) v[i] = number_of(all.word[i]);
#endif
    } else {
        for (i = 0; i < WIDE; i++) v[i] = i < lanes ? get(x[i]) : 0.0f;
    }
}

/* The other way. */
INLINE void save(E *y, int lanes, int whole, const float *v) {
    Carried all;
    int i;
    if (whole) {
#ifdef BF16
        for (i = 0; i < 4; i++)
            all.word[i] = (unsigned int)put(v[2 * i]) | (unsigned int)put(v[2 * i + 1]) << 16;
#else
        for (i = 0; i < 4; i++) all.word[i] = bits_of(v[i]);
#endif
        *(Carried *)y = all;
    } else {
        for (i = 0; i < WIDE; i++)
            if (i < lanes) y[i] = put(v[i]);
    }
}

/* As `save`, or added to what stands there. */
INLINE void give(E *y, int lanes, int whole, float *v, int add) {
    float there[WIDE];
    int i;
    if (add) {
        load(y, lanes, whole, there);
        for (i = 0; i < WIDE; i++) v[i] += there[i];
    }
    save(y, lanes, whole, v);
}

/* A `float` of each of `lanes` channels. */
INLINE void load_floats(const float *x, int lanes, int whole, float *v) {
    Carried all;
    int i, j;
    for (i = 0; i < WIDE; i += 4) {
        if (whole) all = *(const Carried *)(x + i);
        for (j = 0; j < 4; j++) v[i + j] = whole ? number_of(all.word[j]) : i + j < lanes ? x[i + j] : 0.0f;
    }
}

INLINE void save_floats(float *y, int lanes, int whole, const float *v) {
    Carried all;
    int i, j;
    for (i = 0; i < WIDE; i += 4) {
        for (j = 0; j < 4; j++) {
            all.word[j] = bits_of(v[i + j]);
            if (!whole && i + j < lanes) y[i + j] = v[i + j];
        }
        if (whole) *(Carried *)(y + i) = all;
    }
}

/* Where a unit of maps stands. */
typedef struct { int n, row, column, c; } Place;

INLINE Place place(int i, int channels, int h, int w) {
    Place p;
    p.c = i % channels;
    p.column = i / channels % w;
    p.row = i / channels / w % h;
    p.n = i / channels / w / h;
    return p;
}

/* Blocks of WIDE channels; the last may be of fewer. */
INLINE int blocks_of(int channels) { return (channels + WIDE - 1) / WIDE; }

INLINE int lanes_from(int c, int channels) { return smaller(WIDE, channels - c); }

/* Where the first unit of a block of channels stands. */
INLINE Place block(int i, int channels, int h, int w) {
    Place p = place(i, blocks_of(channels), h, w);
    p.c *= WIDE;
    return p;
}

/* What a thread takes of rows of channels: `lanes` channels from `c` on, of the rows from `row` up to `end`. */
typedef struct { int c, lanes, row, end; } Strip;

INLINE Strip strip(int i, int channels, int rows, int each) {
    Strip s;
    int blocks = blocks_of(channels);
    s.c = i % blocks * WIDE;
    s.lanes = lanes_from(s.c, channels);
    s.row = i / blocks * each;
    s.end = smaller(s.row + each, rows);
    return s;
}

/* The same of one row. */
INLINE Strip row_of(int i, int channels) { return strip(i, channels, i + 1, 1); }

/* Compiles a loop over rows twice: with `whole` as 1 where each row has WIDE channels for every thread, and as 0. */
#define BY_ROWS(channels, ...)            \
    if ((channels) % WIDE == 0) {         \
        enum { whole = 1 };               \
        __VA_ARGS__                       \
    } else {                              \
        enum { whole = 0 };               \
        __VA_ARGS__                       \
    }
