/* Sums over the rows [n][h][w] of each channel. A thread adds up a strip of `each` rows of one channel;
   neighbours read neighbouring channels. What the strips give are parts, of which further threads add up
   PARTS at a time, until there are no more than PARTS. Their order is fixed. */

/* Each `width` numbers of up to PARTS parts become one part. */
KERNEL fold(const float *parts, float *to, int many, int width, int count) {
    int i = INDEX, part, end;
    float total = 0.0f;
    if (i >= count) return;
    part = i / width * PARTS;
    end = smaller(part + PARTS, many);
    for (; part < end; part++) total += parts[part * width + i % width];
    to[i] = total;
}

/* The last fold: of each part's `width` numbers, `count` from `from` on. */
KERNEL fold_last(const float *parts, float *to, int many, int width, int from, int add, int count) {
    int i = INDEX, part;
    float total = 0.0f;
    if (i >= count) return;
    for (part = 0; part < many; part++) total += parts[part * width + from + i];
    to[i] = add ? to[i] + total : total;
}

/* Sums of a gradient; where y is given, what ReLU has cut off is taken out of the gradient first. */
KERNEL bias_sums(E *dy, const E *y, float *parts, int channels, int rows, int each, int count) {
    int i = INDEX, c, row, end, at;
    float total = 0.0f, d;
    if (i >= count) return;
    c = i % channels;
    row = i / channels * each;
    end = smaller(row + each, rows);
    for (; row < end; row++) {
        at = row * channels + c;
        d = get(dy[at]);
        if (y && !(get(y[at]) > 0.0f)) {
            d = 0.0f;
            dy[at] = put(0.0f);
        }
        total += d;
    }
    parts[i] = total;
}
