/* The loops over single samples and values, which are most of what a batch of small samples costs in Python.

   Nothing here is needed: `native.py` does without where this was not compiled. Every function either does exactly
   what the Python code beside its caller does, or says that it cannot, before it has changed anything that counts.
   No Python code runs within the loops over values, so nobody else can change them meanwhile (in a Python without
   the global lock they could: there this module is not built). */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#define NPY_TARGET_VERSION NPY_1_22_API_VERSION
#include <numpy/arrayobject.h>

#include <math.h>
#include <string.h>

/* The items of a list or tuple; 0 with an error for anything else. */
static int
items_of(PyObject *values, PyObject ***items, Py_ssize_t *count)
{
    if (PyList_Check(values) || PyTuple_Check(values)) {
        *count = PySequence_Fast_GET_SIZE(values);
        *items = PySequence_Fast_ITEMS(values);
        return 1;
    }
    PyErr_Format(PyExc_TypeError, "values: expected a list or a tuple, got %.100s", Py_TYPE(values)->tp_name);
    return 0;
}

static int
check_given(char const *name, Py_ssize_t given, Py_ssize_t expected)
{
    if (given != expected) {
        PyErr_Format(PyExc_TypeError, "%s: expected %zd arguments, got %zd", name, expected, given);
    }
    return given == expected;
}

/* Whether `out` is an array with a row for each of `count` values that can be written as plain memory. */
static int
check_out(PyObject *out, Py_ssize_t count, int type_number, int axes)
{
    if (PyArray_Check(out)) {
        PyArrayObject *array = (PyArrayObject *)out;
        if (PyArray_NDIM(array) >= 1 && (axes < 0 || PyArray_NDIM(array) == axes) && PyArray_DIM(array, 0) == count &&
            PyArray_ISCARRAY(array) && !PyDataType_REFCHK(PyArray_DESCR(array)) &&
            (type_number < 0 || PyArray_TYPE(array) == type_number)) {
            return 1;
        }
    }
    PyErr_SetString(PyExc_ValueError, "out: expected a contiguous array of the right kind with a row for each value");
    return 0;
}

PyDoc_STRVAR(one_type_doc, "one_type(values)\n--\n\nThe type that all values have; None if they have several, or there are none.");

static PyObject *
one_type(PyObject *Py_UNUSED(module), PyObject *values)
{
    Py_ssize_t count;
    PyObject **items;
    if (!items_of(values, &items, &count)) {
        return NULL;
    }
    for (Py_ssize_t i = 1; i < count; i++) {
        if (Py_TYPE(items[i]) != Py_TYPE(items[0])) {
            Py_RETURN_NONE;
        }
    }
    return Py_NewRef(count ? (PyObject *)Py_TYPE(items[0]) : Py_None);
}

PyDoc_STRVAR(stack_arrays_doc,
             "stack_arrays(values, out)\n--\n\n"
             "Copy arrays of equal shape and dtype to the rows of ``out``, shape (len(values), ...) and their dtype.\n\n"
             "False: not all are such arrays, each in one piece; some rows may have been written.");

static PyObject *
stack_arrays(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t given)
{
    Py_ssize_t count;
    PyObject **items;
    if (!check_given("stack_arrays", given, 2) || !items_of(arguments[0], &items, &count) ||
        !check_out(arguments[1], count, -1, -1)) {
        return NULL;
    }
    PyArrayObject *out = (PyArrayObject *)arguments[1];
    PyArray_Descr *dtype = PyArray_DESCR(out);
    int axes = PyArray_NDIM(out) - 1;
    npy_intp const *shape = PyArray_DIMS(out) + 1;
    size_t size = count ? (size_t)(PyArray_NBYTES(out) / count) : 0;
    char *row = PyArray_BYTES(out);
    for (Py_ssize_t i = 0; i < count; i++, row += size) {
        if (!PyArray_Check(items[i])) {
            Py_RETURN_FALSE;
        }
        PyArrayObject *array = (PyArrayObject *)items[i];
        if (PyArray_NDIM(array) != axes || !PyArray_CompareLists(PyArray_DIMS(array), shape, axes) ||
            !PyArray_IS_C_CONTIGUOUS(array) ||
            (PyArray_DESCR(array) != dtype && !PyArray_EquivTypes(PyArray_DESCR(array), dtype))) {
            Py_RETURN_FALSE;
        }
        memcpy(row, PyArray_BYTES(array), size);
    }
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(stack_lists_doc,
             "stack_lists(values, out)\n--\n\n"
             "Write lists of Python floats to the rows of ``out``, shape (len(values), n), float32, or ints to int64.\n\n"
             "False: not all are lists of n of just that type, or a number is out of range; some rows may have been\n"
             "written.");

static PyObject *
stack_lists(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t given)
{
    Py_ssize_t count;
    PyObject **items;
    if (!check_given("stack_lists", given, 2) || !items_of(arguments[0], &items, &count)) {
        return NULL;
    }
    int floats = PyArray_Check(arguments[1]) && PyArray_TYPE((PyArrayObject *)arguments[1]) == NPY_FLOAT32;
    if (!check_out(arguments[1], count, floats ? NPY_FLOAT32 : NPY_INT64, 2)) {
        return NULL;
    }
    PyArrayObject *out = (PyArrayObject *)arguments[1];
    Py_ssize_t length = PyArray_DIM(out, 1);
    float *to_float = (float *)PyArray_DATA(out);
    npy_int64 *to_int = (npy_int64 *)PyArray_DATA(out);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *list = items[i];
        if (!PyList_CheckExact(list) || PyList_GET_SIZE(list) != length) {
            Py_RETURN_FALSE;
        }
        for (Py_ssize_t j = 0; j < length; j++) {
            PyObject *item = PyList_GET_ITEM(list, j);
            if (floats) {
                if (!PyFloat_CheckExact(item)) {
                    Py_RETURN_FALSE;
                }
                double value = PyFloat_AS_DOUBLE(item);
                *to_float = (float)value;
                if (isinf(*to_float) && !isinf(value)) {
                    Py_RETURN_FALSE;
                }
                to_float++;
            }
            else {
                int overflow = 0;
                if (!PyLong_CheckExact(item)) {
                    Py_RETURN_FALSE;
                }
                *to_int++ = PyLong_AsLongLongAndOverflow(item, &overflow);
                if (overflow) {
                    Py_RETURN_FALSE;
                }
            }
        }
    }
    Py_RETURN_TRUE;
}

/* Append the values of a dict with just these keys to their columns. 1: done; 0: it has other keys; -1: an error. */
static int
append_values(PyObject *sample, PyObject *keys, PyObject *columns)
{
    Py_ssize_t count = PyTuple_GET_SIZE(keys);
    if (!PyDict_CheckExact(sample) || PyDict_GET_SIZE(sample) != count) {
        return 0;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = PyDict_GetItemWithError(sample, PyTuple_GET_ITEM(keys, i));
        if (value == NULL) {
            return PyErr_Occurred() ? -1 : 0;
        }
        if (PyList_Append(PyTuple_GET_ITEM(columns, i), value) < 0) {
            return -1;
        }
    }
    return 1;
}

static int
check_columns(PyObject *keys, PyObject *columns)
{
    int good = PyTuple_CheckExact(keys) && PyTuple_CheckExact(columns) && PyTuple_GET_SIZE(keys) > 0 &&
               PyTuple_GET_SIZE(keys) == PyTuple_GET_SIZE(columns);
    for (Py_ssize_t i = 0; good && i < PyTuple_GET_SIZE(columns); i++) {
        good = PyList_CheckExact(PyTuple_GET_ITEM(columns, i));
    }
    if (!good) {
        PyErr_SetString(PyExc_TypeError, "keys, columns: expected a tuple of keys and one of as many lists");
    }
    return good;
}

PyDoc_STRVAR(read_pairs_doc,
             "read_pairs(dataset, rest, feature_keys, feature_columns, label_keys, label_columns)\n--\n\n"
             "Read ``dataset[index]`` for each index of the iterator ``rest`` and append its values to their columns.\n\n"
             "None, or the first sample that is no pair of plain dicts with just these keys: then the columns before\n"
             "the last one may have a value more than that.");

static PyObject *
read_pairs(PyObject *Py_UNUSED(module), PyObject *const *arguments, Py_ssize_t given)
{
    if (!check_given("read_pairs", given, 6)) {
        return NULL;
    }
    PyObject *dataset = arguments[0], *rest = arguments[1];
    if (!PyIter_Check(rest)) {
        PyErr_SetString(PyExc_TypeError, "rest: expected an iterator");
        return NULL;
    }
    if (!check_columns(arguments[2], arguments[3]) || !check_columns(arguments[4], arguments[5])) {
        return NULL;
    }
    PyObject *index;
    while ((index = PyIter_Next(rest)) != NULL) {
        PyObject *sample = PyObject_GetItem(dataset, index);
        Py_DECREF(index);
        if (sample == NULL) {
            return NULL;
        }
        if (!PyTuple_CheckExact(sample) || PyTuple_GET_SIZE(sample) != 2) {
            return sample;
        }
        int done = append_values(PyTuple_GET_ITEM(sample, 0), arguments[2], arguments[3]);
        if (done > 0) {
            done = append_values(PyTuple_GET_ITEM(sample, 1), arguments[4], arguments[5]);
        }
        if (done == 0) {
            return sample;
        }
        Py_DECREF(sample);
        if (done < 0) {
            return NULL;
        }
    }
    if (PyErr_Occurred()) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"one_type", one_type, METH_O, one_type_doc},
    {"stack_arrays", (PyCFunction)(void (*)(void))stack_arrays, METH_FASTCALL, stack_arrays_doc},
    {"stack_lists", (PyCFunction)(void (*)(void))stack_lists, METH_FASTCALL, stack_lists_doc},
    {"read_pairs", (PyCFunction)(void (*)(void))read_pairs, METH_FASTCALL, read_pairs_doc},
    {NULL, NULL, 0, NULL},
};

static int
begin(PyObject *Py_UNUSED(module))
{
    return PyArray_ImportNumPyAPI();
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, begin},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "Loops over samples and values; see native.py.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
