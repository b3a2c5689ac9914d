/* Sums over the rows [n][h][w] of each channel. A thread adds up a strip of `each` rows of WIDE channels;
   neighbours read neighbouring channels. What the strips give are parts, of which further threads add up
   PARTS at a time, until few enough are left for one. Their order is fixed. */

/* Each `width` numbers of up to PARTS parts become one part. */
KERNEL fold(const float *parts, float *to, int many, int width, int count) {
    int i = INDEX, part, end;
    float total = 0.0f;
    if (i >= count) return;
    part = i / width * PARTS;
    end = smaller(part + PARTS, many);
    UNROLL
    for (; part < end; part++) total += parts[part * width + i % width];
    to[i] = total;
}

/* The last fold: of each part's `width` numbers, `count` from `from` on. */
KERNEL fold_last(const float *parts, float *to, int many, int width, int from, int add, int count) {
    int i = INDEX, part;
    float total = 0.0f;
    if (i >= count) return;
    UNROLL
    for (part = 0; part < many; part++) total += parts[part * width + from + i];
    to[i] = add ? to[i] + total : total;
}

/* Sums of a gradient; where y is given, the mask of ReLU is applied to the gradient first. */
KERNEL bias_sums(E *__restrict__ dy, const E *__restrict__ y, float *__restrict__ parts, int channels, int rows,
                 int each, int count) {
    int i = INDEX, j, row, at;
    float total[WIDE], d[WIDE], out[WIDE];
    Strip s;
    if (i >= count) return;
    s = strip(i, channels, rows, each);
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    BY_ROWS(channels,
        for (row = s.row; row < s.end; row++) {
            at = row * channels + s.c;
            load(dy + at, s.lanes, whole, d);
            if (y) {
                load(y + at, s.lanes, whole, out);
                for (j = 0; j < WIDE; j++)
                    if (!(out[j] > 0.0f)) d[j] = 0.0f;
                save(dy + at, s.lanes, whole, d);
            }
            for (j = 0; j < WIDE; j++) total[j] += d[j];
        }
        save_floats(parts + s.row / each * channels + s.c, s.lanes, whole, total);
    )
}

/* Sums over strips of `each` units of each map of each sample, of x, or of x times b. A thread takes WIDE channels of
   a strip; parts are [n][strips][channels]. */
KERNEL map_sums(const E *__restrict__ x, const E *__restrict__ b, float *__restrict__ parts, int channels, int plane,
                int each, int count) {
    int i = INDEX, j, blocks = blocks_of(channels), strips = (plane + each - 1) / each, unit, end, c, lanes;
    float total[WIDE], v[WIDE], other[WIDE];
    if (i >= count) return;
    c = i % blocks * WIDE;
    lanes = lanes_from(c, channels);
    unit = i / blocks % strips * each;
    end = smaller(unit + each, plane);
    parts += i / blocks * channels + c;
    x += i / blocks / strips * plane * channels + c;
    if (b) b += i / blocks / strips * plane * channels + c;
    for (j = 0; j < WIDE; j++) total[j] = 0.0f;
    BY_ROWS(channels,
        UNROLL_ROWS
        for (; unit < end; unit++) {
            load(x + unit * channels, lanes, whole, v);
            if (b) {
                load(b + unit * channels, lanes, whole, other);
                for (j = 0; j < WIDE; j++) v[j] *= other[j];
            }
            for (j = 0; j < WIDE; j++) total[j] += v[j];
        }
        save_floats(parts, lanes, whole, total);
    )
}

/* Their sums times a factor: a thread for each map of each sample. */
KERNEL map_fold(const float *parts, E *y, float factor, int strips, int channels, int add, int count) {
    int i = INDEX, strip;
    float total = 0.0f;
    if (i >= count) return;
    parts += i / channels * strips * channels + i % channels;
    UNROLL
    for (strip = 0; strip < strips; strip++) total += parts[strip * channels];
    store(y, i, total * factor, add);
}

/* A number of each map of each sample, times a factor, for each of its units: the gradient of such a sum. A thread
   takes WIDE channels of a row. */
KERNEL map_spread(const E *dy, E *dx, float factor, int channels, int plane, int add, int count) {
    int i = INDEX, j, whole = channels % WIDE == 0;
    float d[WIDE];
    Strip s;
    if (i >= count) return;
    s = row_of(i, channels);
    load(dy + s.row / plane * channels + s.c, s.lanes, whole, d);
    for (j = 0; j < WIDE; j++) d[j] *= factor;
    give(dx + s.row * channels + s.c, s.lanes, whole, d, add);
}
