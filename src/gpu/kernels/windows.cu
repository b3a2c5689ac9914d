/* Pooling, and LeNet-5's subsampling. A thread takes a place of WIDE channels; backward, it looks for the windows that
   see its input. */

#define WINDOW int channels, int in_h, int in_w, int out_h, int out_w, int kernel_h, int kernel_w, int stride_h, int stride_w, int dilation_h, int dilation_w, int before_h, int before_w, int after_h, int after_w

/* The window's position whose tap sees a row or column, or -1. */
INLINE int seen_from(int at, int tap, int out, int stride, int dilation, int before) {
    int start = at + before - tap * dilation;
    return start >= 0 && start % stride == 0 && start / stride < out ? start / stride : -1;
}

/* Taps of a window that lie from `from` up to `to`, counted with the padding in front. */
INLINE int taps_within(int position, int kernel, int stride, int dilation, int from, int to) {
    int tap, at, taps = 0;
    for (tap = 0; tap < kernel; tap++) {
        at = position * stride + tap * dilation;
        taps += at >= from && at < to;
    }
    return taps;
}

/* The largest unit, the first of them, a NaN being larger than all; `which` (if not null) has its tap, or
   65535 if the window sees no unit. */
KERNEL max_pool(const E *x, E *y, unsigned short *which, WINDOW, int count) {
    Place p;
    int i = INDEX, j, kh, kw, row, column, lanes, at, tap[WIDE], whole = channels % WIDE == 0;
    float best[WIDE], v[WIDE];
    if (i >= count) return;
    p = block(i, channels, out_h, out_w);
    lanes = lanes_from(p.c, channels);
    for (j = 0; j < WIDE; j++) {
        best[j] = -INFINITY;
        tap[j] = 65535;
    }
    for (kh = 0; kh < kernel_h; kh++) {
        row = p.row * stride_h + kh * dilation_h - before_h;
        if (row < 0 || row >= in_h) continue;
        for (kw = 0; kw < kernel_w; kw++) {
            column = p.column * stride_w + kw * dilation_w - before_w;
            if (column < 0 || column >= in_w) continue;
            load(x + ((p.n * in_h + row) * in_w + column) * channels + p.c, lanes, whole, v);
            for (j = 0; j < WIDE; j++) {
                if (tap[j] == 65535 || v[j] > best[j] || (v[j] != v[j] && best[j] == best[j])) {
                    best[j] = v[j];
                    tap[j] = kh * kernel_w + kw;
                }
            }
        }
    }
    at = ((p.n * out_h + p.row) * out_w + p.column) * channels + p.c;
    save(y + at, lanes, whole, best);
    if (which)
        for (j = 0; j < WIDE; j++)
            if (j < lanes) which[at + j] = (unsigned short)tap[j];
}

KERNEL max_pool_backward(const E *dy, const unsigned short *which, E *dx, WINDOW, int add, int count) {
    Place p;
    int i = INDEX, j, kh, kw, oh, ow, at, lanes, whole = channels % WIDE == 0;
    float total[WIDE], d[WIDE];
    if (i >= count) return;
    p = block(i, channels, in_h, in_w);
    lanes = lanes_from(p.c, channels);
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    for (kh = 0; kh < kernel_h; kh++) {
        oh = seen_from(p.row, kh, out_h, stride_h, dilation_h, before_h);
        if (oh < 0) continue;
        for (kw = 0; kw < kernel_w; kw++) {
            ow = seen_from(p.column, kw, out_w, stride_w, dilation_w, before_w);
            if (ow < 0) continue;
            at = ((p.n * out_h + oh) * out_w + ow) * channels + p.c;
            load(dy + at, lanes, whole, d);
            for (j = 0; j < WIDE; j++)
                if (j < lanes && which[at + j] == kh * kernel_w + kw) total[j] += d[j];
        }
    }
    give(dx + ((p.n * in_h + p.row) * in_w + p.column) * channels + p.c, lanes, whole, total, add);
}

/* The sums of the units that the window of an output sees, of WIDE channels from its own on. */
INLINE void window_sums(const E *x, Place p, WINDOW, float *total) {
    int j, kh, kw, row, column, lanes = lanes_from(p.c, channels), whole = channels % WIDE == 0;
    float v[WIDE];
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    for (kh = 0; kh < kernel_h; kh++) {
        row = p.row * stride_h + kh * dilation_h - before_h;
        if (row < 0 || row >= in_h) continue;
        for (kw = 0; kw < kernel_w; kw++) {
            column = p.column * stride_w + kw * dilation_w - before_w;
            if (column < 0 || column >= in_w) continue;
            load(x + ((p.n * in_h + row) * in_w + column) * channels + p.c, lanes, whole, v);
            for (j = 0; j < WIDE; j++) total[j] += v[j];
        }
    }
}

#define THIS_WINDOW channels, in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, before_h, before_w, after_h, after_w

/* By how much a window's sum is divided along one axis: with `padded`, by the declared zeros too. */
INLINE int divisor(int position, int kernel, int stride, int dilation, int before, int in, int after, int padded) {
    int from = padded ? 0 : before, to = padded ? before + in + after : before + in;
    return taps_within(position, kernel, stride, dilation, from, to);
}

KERNEL avg_pool(const E *x, E *y, WINDOW, int padded, int count) {
    Place p;
    int i = INDEX, j, by;
    float total[WIDE];
    if (i >= count) return;
    p = block(i, channels, out_h, out_w);
    by = divisor(p.row, kernel_h, stride_h, dilation_h, before_h, in_h, after_h, padded)
        * divisor(p.column, kernel_w, stride_w, dilation_w, before_w, in_w, after_w, padded);
    window_sums(x, p, THIS_WINDOW, total);
    for (j = 0; j < WIDE; j++) total[j] /= (float)(by > 1 ? by : 1);
    save(y + ((p.n * out_h + p.row) * out_w + p.column) * channels + p.c, lanes_from(p.c, channels),
         channels % WIDE == 0, total);
}

KERNEL avg_pool_backward(const E *dy, E *dx, WINDOW, int padded, int add, int count) {
    Place p;
    int i = INDEX, j, kh, kw, oh, ow, down, by, lanes, whole = channels % WIDE == 0;
    float total[WIDE], d[WIDE], share;
    if (i >= count) return;
    p = block(i, channels, in_h, in_w);
    lanes = lanes_from(p.c, channels);
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    for (kh = 0; kh < kernel_h; kh++) {
        oh = seen_from(p.row, kh, out_h, stride_h, dilation_h, before_h);
        if (oh < 0) continue;
        down = divisor(oh, kernel_h, stride_h, dilation_h, before_h, in_h, after_h, padded);
        for (kw = 0; kw < kernel_w; kw++) {
            ow = seen_from(p.column, kw, out_w, stride_w, dilation_w, before_w);
            if (ow < 0) continue;
            by = down * divisor(ow, kernel_w, stride_w, dilation_w, before_w, in_w, after_w, padded);
            share = 1.0f / (float)(by > 1 ? by : 1);
            load(dy + ((p.n * out_h + oh) * out_w + ow) * channels + p.c, lanes, whole, d);
            for (j = 0; j < WIDE; j++) total[j] += d[j] * share;
        }
    }
    give(dx + ((p.n * in_h + p.row) * in_w + p.column) * channels + p.c, lanes, whole, total, add);
}

/* Where a cell of a grid of `cells` over `size` rows or columns begins and ends. */
INLINE int cell_from(int cell, int size, int cells) { return (int)((long long)cell * size / cells); }
INLINE int cell_to(int cell, int size, int cells) {
    return (int)(((long long)(cell + 1) * size + cells - 1) / cells);
}

/* The mean of each cell, a thread for each. */
KERNEL cells(const E *x, E *y, int channels, int in_h, int in_w, int out_h, int out_w, int count) {
    Place p;
    int i = INDEX, row, column, top, left, bottom, right;
    float total = 0.0f;
    if (i >= count) return;
    p = place(i, channels, out_h, out_w);
    top = cell_from(p.row, in_h, out_h);
    bottom = cell_to(p.row, in_h, out_h);
    left = cell_from(p.column, in_w, out_w);
    right = cell_to(p.column, in_w, out_w);
    for (row = top; row < bottom; row++)
        for (column = left; column < right; column++)
            total += get(x[((p.n * in_h + row) * in_w + column) * channels + p.c]);
    y[i] = put(total / (float)((bottom - top) * (right - left)));
}

KERNEL cells_backward(const E *dy, E *dx, int channels, int in_h, int in_w, int out_h, int out_w, int add,
                      int count) {
    Place p;
    int i = INDEX, j, oh, ow, down, across, lanes, whole = channels % WIDE == 0;
    float total[WIDE], d[WIDE], share;
    if (i >= count) return;
    p = block(i, channels, in_h, in_w);
    lanes = lanes_from(p.c, channels);
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    for (oh = 0; oh < out_h; oh++) {
        if (p.row < cell_from(oh, in_h, out_h) || p.row >= cell_to(oh, in_h, out_h)) continue;
        down = cell_to(oh, in_h, out_h) - cell_from(oh, in_h, out_h);
        for (ow = 0; ow < out_w; ow++) {
            if (p.column < cell_from(ow, in_w, out_w) || p.column >= cell_to(ow, in_w, out_w)) continue;
            across = cell_to(ow, in_w, out_w) - cell_from(ow, in_w, out_w);
            share = 1.0f / (float)(down * across);
            load(dy + ((p.n * out_h + oh) * out_w + ow) * channels + p.c, lanes, whole, d);
            for (j = 0; j < WIDE; j++) total[j] += d[j] * share;
        }
    }
    give(dx + ((p.n * in_h + p.row) * in_w + p.column) * channels + p.c, lanes, whole, total, add);
}

/* The sum of each window times a coefficient of its map plus its bias. */
KERNEL subsample(const E *x, const float *weight, const float *bias, E *y, WINDOW, int count) {
    Place p;
    int i = INDEX, j, lanes, whole = channels % WIDE == 0;
    float total[WIDE], factor[WIDE], summand[WIDE];
    if (i >= count) return;
    p = block(i, channels, out_h, out_w);
    lanes = lanes_from(p.c, channels);
    load_floats(weight + p.c, lanes, whole, factor);
    load_floats(bias + p.c, lanes, whole, summand);
    window_sums(x, p, THIS_WINDOW, total);
    for (j = 0; j < WIDE; j++) total[j] = factor[j] * total[j] + summand[j];
    save(y + ((p.n * out_h + p.row) * out_w + p.column) * channels + p.c, lanes, whole, total);
}

KERNEL subsample_backward(const E *dy, const float *weight, E *dx, WINDOW, int add, int count) {
    Place p;
    int i = INDEX, j, kh, kw, oh, ow, lanes, whole = channels % WIDE == 0;
    float total[WIDE], d[WIDE], factor[WIDE];
    if (i >= count) return;
    p = block(i, channels, in_h, in_w);
    lanes = lanes_from(p.c, channels);
    load_floats(weight + p.c, lanes, whole, factor);
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    for (kh = 0; kh < kernel_h; kh++) {
        oh = seen_from(p.row, kh, out_h, stride_h, dilation_h, before_h);
        if (oh < 0) continue;
        for (kw = 0; kw < kernel_w; kw++) {
            ow = seen_from(p.column, kw, out_w, stride_w, dilation_w, before_w);
            if (ow < 0) continue;
            load(dy + ((p.n * out_h + oh) * out_w + ow) * channels + p.c, lanes, whole, d);
            for (j = 0; j < WIDE; j++) total[j] += d[j];
        }
    }
    for (j = 0; j < WIDE; j++) total[j] *= factor[j];
    give(dx + ((p.n * in_h + p.row) * in_w + p.column) * channels + p.c, lanes, whole, total, add);
}

/* Over a strip of `each` output rows [n][h][w], parts of the gradients of coefficient and bias. */
KERNEL subsample_sums(const E *x, const E *dy, float *parts, WINDOW, int rows, int each, int count) {
    Place p;
    Strip s;
    int i = INDEX, j, row;
    float along[WIDE], total[WIDE], d[WIDE], seen[WIDE];
    if (i >= count) return;
    s = strip(i, channels, rows, each);
    for (j = 0; j < WIDE; j++) along[j] = total[j] = 0.0f;
    BY_ROWS(channels,
        for (row = s.row; row < s.end; row++) {
            load(dy + row * channels + s.c, s.lanes, whole, d);
            p = place(row, 1, out_h, out_w);
            p.c = s.c;
            window_sums(x, p, THIS_WINDOW, seen);
            for (j = 0; j < WIDE; j++) {
                along[j] += d[j] * seen[j];
                total[j] += d[j];
            }
        }
        parts += s.row / each * 2 * channels + s.c;
        save_floats(parts, s.lanes, whole, along);
        save_floats(parts + channels, s.lanes, whole, total);
    )
}
