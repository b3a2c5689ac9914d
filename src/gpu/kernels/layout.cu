/* What moves units without computing. A thread for each unit that is written. */

KERNEL clear(E *y, int count) {
    int i = INDEX;
    if (i < count) y[i] = put(0.0f);
}

KERNEL clear_float(float *y, int count) {
    int i = INDEX;
    if (i < count) y[i] = 0.0f;
}

/* f32 to units. */
KERNEL cast(const float *x, E *y, int count) {
    int i = INDEX;
    if (i < count) y[i] = put(x[i]);
}

/* Where the unit that stands i-th in [n][h][w][c] stands in [n][c][h][w]. */
INLINE int by_maps(int i, int channels, int plane) {
    int row = i / channels;
    return (row / plane * channels + i % channels) * plane + row % plane;
}

/* f32 [n][c][h][w] to maps. */
KERNEL images(const float *x, E *y, int channels, int plane, int count) {
    int i = INDEX;
    if (i < count) y[i] = put(x[by_maps(i, channels, plane)]);
}

/* Maps to f32 [n][c][h][w]. */
KERNEL scores(const E *x, float *y, int channels, int plane, int count) {
    int i = INDEX;
    if (i < count) y[by_maps(i, channels, plane)] = get(x[i]);
}

/* Maps to vectors, whose units stand as [c][h][w]. */
KERNEL flatten(const E *x, E *y, int channels, int plane, int count) {
    int i = INDEX;
    if (i < count) y[by_maps(i, channels, plane)] = x[i];
}

KERNEL flatten_backward(const E *dy, E *dx, int channels, int plane, int add, int count) {
    int i = INDEX;
    if (i < count) store(dx, i, get(dy[by_maps(i, channels, plane)]), add);
}

/* `width` channels of x, from one on, to those of y from another on. */
KERNEL channels(const E *x, E *y, int x_channels, int x_from, int y_channels, int y_from, int width,
                int add, int count) {
    int i = INDEX, row, c;
    if (i >= count) return;
    row = i / width;
    c = i % width;
    store(y, row * y_channels + y_from + c, get(x[row * x_channels + x_from + c]), add);
}

/* Every stride-th unit, with maps of zeros in front and behind. */
KERNEL shortcut(const E *x, E *y, int x_channels, int x_h, int x_w, int y_channels, int y_h, int y_w,
                int front, int stride, int count) {
    int i = INDEX, c, column, row, sample;
    if (i >= count) return;
    c = i % y_channels - front;
    column = i / y_channels % y_w * stride;
    row = i / y_channels / y_w % y_h * stride;
    sample = i / y_channels / y_w / y_h;
    y[i] = c >= 0 && c < x_channels ? x[((sample * x_h + row) * x_w + column) * x_channels + c] : put(0.0f);
}

KERNEL shortcut_backward(const E *dy, E *dx, int x_channels, int x_h, int x_w, int y_channels, int y_h,
                         int y_w, int front, int stride, int add, int count) {
    int i = INDEX, c, column, row, sample, at;
    if (i >= count) return;
    c = i % x_channels;
    column = i / x_channels % x_w;
    row = i / x_channels / x_w % x_h;
    sample = i / x_channels / x_w / x_h;
    at = ((sample * y_h + row / stride) * y_w + column / stride) * y_channels + front + c;
    store(dx, i, row % stride == 0 && column % stride == 0 ? get(dy[at]) : 0.0f, add);
}

/* Lays maps on maps of another size, moved down and to the right; zeros where there are none. */
KERNEL frame(const E *x, E *y, int channels, int x_h, int x_w, int y_h, int y_w, int down, int right,
             int add, int count) {
    int i = INDEX, c, column, row, sample, inside;
    if (i >= count) return;
    c = i % channels;
    column = i / channels % y_w - right;
    row = i / channels / y_w % y_h - down;
    sample = i / channels / y_w / y_h;
    inside = row >= 0 && row < x_h && column >= 0 && column < x_w;
    store(y, i, inside ? get(x[((sample * x_h + row) * x_w + column) * channels + c]) : 0.0f, add);
}

/* Where the unit of a larger map stands on one that is repeated to it. */
INLINE int repeated(int sample, int row, int column, int c, int channels, int h, int w) {
    return ((sample * h + smaller(row, h - 1)) * w + smaller(column, w - 1)) * channels
        + smaller(c, channels - 1);
}

KERNEL broadcast_add(const E *a, const E *b, E *y, int a_channels, int a_h, int a_w, int b_channels,
                     int b_h, int b_w, int channels, int h, int w, int count) {
    int i = INDEX, c, column, row, sample;
    if (i >= count) return;
    c = i % channels;
    column = i / channels % w;
    row = i / channels / w % h;
    sample = i / channels / w / h;
    y[i] = put(get(a[repeated(sample, row, column, c, a_channels, a_h, a_w)])
               + get(b[repeated(sample, row, column, c, b_channels, b_h, b_w)]));
}

/* The sum over the repetitions of a unit. */
KERNEL broadcast_add_backward(const E *dy, E *dx, int x_channels, int x_h, int x_w, int channels, int h,
                              int w, int add, int count) {
    int i = INDEX, c, column, row, sample, c_end, column_end, row_end, m, k, j;
    float total = 0.0f;
    if (i >= count) return;
    c = i % x_channels;
    column = i / x_channels % x_w;
    row = i / x_channels / x_w % x_h;
    sample = i / x_channels / x_w / x_h;
    /* an axis that is repeated has one place */
    c_end = x_channels < channels ? channels : c + 1;
    column_end = x_w < w ? w : column + 1;
    row_end = x_h < h ? h : row + 1;
    for (j = row; j < row_end; j++)
        for (k = column; k < column_end; k++)
            for (m = c; m < c_end; m++) total += get(dy[((sample * h + j) * w + k) * channels + m]);
    store(dx, i, total, add);
}
