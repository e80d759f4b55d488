/* A library with a bit of everything: versions, a rpath, data, zeros, exports and imports. */
void exit(int);
int exported(int number);
static int zeros[100];
int data = 4;

int exported(int number)
{
    zeros[number] = data;
    exit(zeros[0]);
}
