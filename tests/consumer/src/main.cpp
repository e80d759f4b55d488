// Uses four libraries of the bundle for real: a message through zeromq, compressed by zlib, kept as an array by hdf5,
// and a picture by libpng.
#include <hdf5.h>
#include <png.h>
#include <zlib.h>
#include <zmq.h>

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

void require(bool is_fine, const char* what) {
    if (!is_fine) throw std::runtime_error(what);
}

std::string through_zeromq(const std::string& text) {
    void* context = zmq_ctx_new();
    void* left = zmq_socket(context, ZMQ_PAIR);
    void* right = zmq_socket(context, ZMQ_PAIR);
    require(zmq_bind(left, "inproc://here") == 0 && zmq_connect(right, "inproc://here") == 0, "zeromq connects");
    require(zmq_send(left, text.data(), text.size(), 0) == static_cast<int>(text.size()), "zeromq sends");
    char buffer[256];
    const int count = zmq_recv(right, buffer, sizeof buffer, 0);
    require(count > 0, "zeromq receives");
    zmq_close(left);
    zmq_close(right);
    zmq_ctx_term(context);
    return std::string(buffer, static_cast<std::size_t>(count));
}

std::vector<unsigned char> compressed(const std::string& text) {
    uLongf size = compressBound(text.size());
    std::vector<unsigned char> bytes(size);
    require(compress(bytes.data(), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()) == Z_OK, "zlib");
    bytes.resize(size);
    return bytes;
}

void through_hdf5(const std::vector<unsigned char>& bytes) {
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    // A file in memory only: nothing is left behind.
    H5Pset_fapl_core(access, 65536, false);
    const hid_t file = H5Fcreate("memory.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access);
    const hsize_t size[1] = {bytes.size()};
    const hid_t space = H5Screate_simple(1, size, nullptr);
    const hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(layout, 1, size);
    // The deflate filter is the one that needs zlib inside hdf5.
    require(H5Pset_deflate(layout, 6) >= 0, "hdf5 has zlib");
    const hid_t set = H5Dcreate2(file, "bytes", H5T_NATIVE_UCHAR, space, H5P_DEFAULT, layout, H5P_DEFAULT);
    require(H5Dwrite(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) >= 0, "hdf5 writes");
    std::vector<unsigned char> again(bytes.size());
    require(H5Dread(set, H5T_NATIVE_UCHAR, H5S_ALL, H5S_ALL, H5P_DEFAULT, again.data()) >= 0, "hdf5 reads");
    require(again == bytes, "hdf5 gives back what it got");
    H5Dclose(set);
    H5Pclose(layout);
    H5Sclose(space);
    H5Fclose(file);
    H5Pclose(access);
}

}  // namespace

int main() {
    try {
        const std::string text = through_zeromq("libraries tag along");
        through_hdf5(compressed(text));
        int major = 0, minor = 0, patch = 0;
        zmq_version(&major, &minor, &patch);
        unsigned h5major = 0, h5minor = 0, h5patch = 0;
        H5get_libversion(&h5major, &h5minor, &h5patch);
        std::printf("%s: zlib %s, libpng %s, hdf5 %u.%u.%u, zeromq %d.%d.%d\n", text.c_str(), zlibVersion(),
                    png_get_libpng_ver(nullptr), h5major, h5minor, h5patch, major, minor, patch);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "consumer: %s\n", error.what());
        return 1;
    }
}
