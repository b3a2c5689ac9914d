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
    int i = INDEX, whole = (x_channels | x_from | y_channels | y_from | width) % WIDE == 0;
    float v[WIDE];
    Strip s;
    if (i >= count) return;
    s = row_of(i, width);
    load(x + s.row * x_channels + x_from + s.c, s.lanes, whole, v);
    give(y + s.row * y_channels + y_from + s.c, s.lanes, whole, v, add);
}

/* Every stride-th unit, with maps of zeros in front and behind. */
KERNEL shortcut(const E *x, E *y, int x_channels, int x_h, int x_w, int y_channels, int y_h, int y_w,
                int front, int stride, int count) {
    Place p;
    int i = INDEX, c, column, row;
    if (i >= count) return;
    p = place(i, y_channels, y_h, y_w);
    c = p.c - front;
    column = p.column * stride;
    row = p.row * stride;
    y[i] = c >= 0 && c < x_channels ? x[((p.n * x_h + row) * x_w + column) * x_channels + c] : put(0.0f);
}

KERNEL shortcut_backward(const E *dy, E *dx, int x_channels, int x_h, int x_w, int y_channels, int y_h,
                         int y_w, int front, int stride, int add, int count) {
    Place p;
    int i = INDEX, at;
    if (i >= count) return;
    p = place(i, x_channels, x_h, x_w);
    at = ((p.n * y_h + p.row / stride) * y_w + p.column / stride) * y_channels + front + p.c;
    store(dx, i, p.row % stride == 0 && p.column % stride == 0 ? get(dy[at]) : 0.0f, add);
}

/* Lays maps on maps of another size, moved down and to the right; zeros where there are none. */
KERNEL frame(const E *x, E *y, int channels, int x_h, int x_w, int y_h, int y_w, int down, int right,
             int add, int count) {
    Place p;
    int i = INDEX, column, row, inside;
    if (i >= count) return;
    p = place(i, channels, y_h, y_w);
    column = p.column - right;
    row = p.row - down;
    inside = row >= 0 && row < x_h && column >= 0 && column < x_w;
    store(y, i, inside ? get(x[((p.n * x_h + row) * x_w + column) * channels + p.c]) : 0.0f, add);
}

/* Where the unit of a larger map stands on one that is repeated to it. */
INLINE int repeated(int sample, int row, int column, int c, int channels, int h, int w) {
    return ((sample * h + smaller(row, h - 1)) * w + smaller(column, w - 1)) * channels
        + smaller(c, channels - 1);
}

KERNEL broadcast_add(const E *a, const E *b, E *y, int a_channels, int a_h, int a_w, int b_channels,
                     int b_h, int b_w, int channels, int h, int w, int count) {
    Place p;
    int i = INDEX;
    if (i >= count) return;
    p = place(i, channels, h, w);
    y[i] = put(get(a[repeated(p.n, p.row, p.column, p.c, a_channels, a_h, a_w)])
               + get(b[repeated(p.n, p.row, p.column, p.c, b_channels, b_h, b_w)]));
}

/* The sum over the repetitions of a unit. */
KERNEL broadcast_add_backward(const E *dy, E *dx, int x_channels, int x_h, int x_w, int channels, int h,
                              int w, int add, int count) {
    Place p;
    int i = INDEX, c_end, column_end, row_end, m, k, j;
    float total = 0.0f;
    if (i >= count) return;
    p = place(i, x_channels, x_h, x_w);
    /* an axis that is repeated has one place */
    c_end = x_channels < channels ? channels : p.c + 1;
    column_end = x_w < w ? w : p.column + 1;
    row_end = x_h < h ? h : p.row + 1;
    for (j = p.row; j < row_end; j++)
        for (k = p.column; k < column_end; k++)
            for (m = p.c; m < c_end; m++) total += get(dy[((p.n * h + j) * w + k) * channels + m]);
    store(dx, i, total, add);
}
